// out[t, m] = log10(max(1e-10, Σ_k filter m[k] · |X[t, k]|²)), X the Fourier transform of the windowed frame t; and the
// largest of a workgroup's values
//
// With N = radix · columns samples, n = columns · i + j and W = e^(-2πi / N):
//   X[k] = Σ_j W^(j·k) A[j, k mod radix],   A[j, p] = Σ_i x[columns · i + j] · W^(columns · i · p)
// Samples are real, so A[j, radix - p] is the conjugate of A[j, p], and half of A and of X are enough. Quiet bins of loud
// frames are what rounding spoils: sums are short, in blocks, and begin with x[i] ± x[i + radix / 2], as W turns by half there.
// Threads take the elements of a stage in turn.
// Before this: the step, `rolled`, and as constants frameSize (N), hopSize, mels, radix, groupFrames (frames of a
// workgroup), threads, and where the parts of the tables start.

@group(0) @binding(1) var<storage, read> samples: array<f32>;
@group(0) @binding(2) var<storage, read> tables: array<f32>;
@group(0) @binding(3) var<storage, read_write> largest: array<f32>; // (T / groupFrames)
@group(0) @binding(4) var<storage, read_write> out: array<f32>; // (T, mels)

const columns = frameSize / radix;
const partials = radix / 2u + 1u;
const bins = frameSize / 2u + 1u;
const blockTerms = 5u;

var<workgroup> turns: array<vec2f, frameSize>; // W^i
var<workgroup> frames: array<f32, groupFrames * frameSize>; // windowed samples
var<workgroup> sums: array<vec2f, groupFrames * columns * partials>; // A
var<workgroup> power: array<f32, groupFrames * bins>;
var<workgroup> folds: array<f32, threads>;

/// Sample `at` of all there are, of which both ends are mirrored; `at` counts from half a frame before the first.
fn sampleAt(at: u32) -> f32 {
  let count = i32(stepRows() * hopSize);
  var i = abs(i32(at) - i32(frameSize / 2u));
  if (i >= count) {
    i = 2 * (count - 1) - i;
  }
  return samples[u32(clamp(i, 0, count - 1))];
}

fn times(a: vec2f, b: vec2f) -> vec2f {
  return vec2f(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
}

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let firstFrame = group.x * groupFrames;
  for (var i = thread; i < rolled(frameSize); i += threads) {
    turns[i] = vec2f(tables[2u * i], -tables[2u * i + 1u]);
  }
  for (var i = thread; i < rolled(groupFrames * frameSize); i += threads) {
    let inFrame = i % frameSize;
    let frame = min(firstFrame + i / frameSize, stepRows() - 1u);
    frames[i] = tables[windowStart + inFrame] * sampleAt(frame * hopSize + inFrame);
  }
  workgroupBarrier();

  for (var item = thread; item < rolled(groupFrames * columns * partials); item += threads) {
    let p = item % partials;
    let column = item / partials % columns;
    let first = item / (partials * columns) * frameSize + column;
    let sign = 1.0 - 2.0 * f32(p % 2u);
    var total = vec2f();
    for (var start = 0u; start < rolled(radix / 2u); start += blockTerms) {
      var sum = vec2f();
      for (var i = start; i < min(start + blockTerms, radix / 2u); i += 1u) {
        let pair = frames[first + i * columns] + sign * frames[first + (i + radix / 2u) * columns];
        sum += pair * turns[i * p % radix * columns];
      }
      total += sum;
    }
    sums[item] = total;
  }
  workgroupBarrier();

  for (var item = thread; item < rolled(groupFrames * bins); item += threads) {
    let k = item % bins;
    let p = k % radix;
    let mirrored = p >= partials;
    let first = item / bins * columns * partials + select(p, radix - p, mirrored);
    let conjugate = vec2f(1.0, select(1.0, -1.0, mirrored));
    var total = vec2f();
    for (var start = 0u; start < rolled(columns); start += blockTerms) {
      var sum = vec2f();
      for (var j = start; j < min(start + blockTerms, columns); j += 1u) {
        sum += times(conjugate * sums[first + j * partials], turns[j * k % frameSize]);
      }
      total += sum;
    }
    power[item] = dot(total, total);
  }
  workgroupBarrier();

  var most = -3.4e38;
  for (var item = thread; item < rolled(groupFrames * mels); item += threads) {
    let frame = item / mels;
    let m = item % mels;
    let range = rangesStart + 3u * m;
    let first = frame * bins + u32(tables[range]);
    let weights = u32(tables[range + 2u]);
    var sum = 0.0;
    for (var i = 0u; i < u32(tables[range + 1u]); i += 1u) {
      sum += tables[weights + i] * power[first + i];
    }
    if (firstFrame + frame < stepRows()) {
      let value = log2(max(sum, 1e-10)) * 0.30102999566;
      out[(firstFrame + frame) * mels + m] = value;
      most = max(most, value);
    }
  }
  folds[thread] = most;
  workgroupBarrier();
  if (thread == 0u) {
    for (var i = 0u; i < rolled(threads); i += 1u) {
      most = max(most, folds[i]);
    }
    largest[group.x] = most;
  }
}
