// out[r, n] = Σ_k x[r, k] · W[n, k] for few rows r: weights are read once, in whole 16-byte words.
//
// A workgroup makes `tileRows` outputs of `xRows` rows; z counts batches of xRows. The `threadsPerRow` threads of a
// team take the groups of a weight row in turn, so that neighbours read neighbouring words; each holds `threadRows`
// weight rows, which share what it reads of x. Sums of a team meet by shuffles or in workgroup memory (`reduceTeam`), then
// pass through workgroup memory to threads that finish four neighbouring outputs each (`finish`).
// Before this, from the TypeScript side: sizes as constants; the step at binding 0; `windowStart` (rowWindows.ts); `finish` (matmulOutput.ts); the
// format of the weights; `touchRows` (weightTouch.ts); `accumulate` (matmulDot.wgsl or matmulFloat.wgsl) with the reader of x; `Lanes` and `reduceTeam`.

override columns: u32; // K
override sliceRows: u32; // weight rows at hand
override secondStart: u32 = 0u; // gated: where the rows of `up` start
override eps: f32 = 0.0;

const teams = threads / threadsPerRow;
const tileRows = teams * threadRows;

var<workgroup> staged: array<f32, xRows * tileRows>;

/// The weight row of slot `index` of the tile. In gated tiles the second half are rows of `up`.
fn weightRow(first: u32, index: u32) -> u32 {
  if (gated && index >= tileRows / 2u) {
    return secondStart + min(first + index - tileRows / 2u, secondStart - 1u);
  }
  return min(first + index, sliceRows - 1u);
}

@compute @workgroup_size(threads)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  lanes: Lanes,
) {
  let thread = threadOf(lanes);
  initFormat(thread, threads);
  let firstN = gridIndex(workgroup, workgroups) * (tileRows / select(1u, 2u, gated));
  let firstX = workgroup.z * xRows;
  let firstR = windowStart() + firstX;
  let rows = stepRows() - firstR;
  let lane = thread % threadsPerRow;
  let team = thread / threadsPerRow;

  var x: array<u32, xRows>;
  for (var i = 0u; i < xRows; i++) {
    x[i] = inputRow(firstX + min(i, rows - 1u));
  }
  var w: array<u32, threadRows>;
  for (var q = 0u; q < threadRows; q++) {
    w[q] = weightRow(firstN, team + q * teams);
  }
  var touched = 0u;
  if (touches) {
    for (var q = 0u; q < threadRows; q++) {
      touched |= touchRows(weightRow(firstN, team - team % touchLanes + q * teams), team % touchLanes);
    }
  }
  var sums: array<f32, sumCount>;
  accumulate(&x, &w, lane, lanes, &sums);
  reduceTeam(&sums, thread, lane);

  if (lane == 0u) {
    for (var i = 0u; i < xRows; i++) {
      var factor = 1.0;
      if (normalized) {
        let squares = sums[xRows * threadRows + i] + rowSquares(i, x[i], lanes);
        factor = inverseSqrt(squares / f32(columns) + eps);
      }
      for (var q = 0u; q < threadRows; q++) {
        staged[i * tileRows + team + q * teams] = factor * sums[i * threadRows + q];
      }
    }
  }
  if (touches && step.tokens == 0u) {
    staged[thread] = f32(touched); // never, but a compiler cannot know
  }
  workgroupBarrier();

  // Each item is four outputs of one row; all threads take the same number of turns, as `finish` may have barriers.
  const rowItems = tileRows / select(4u, 8u, gated);
  const items = xRows * rowItems;
  for (var turn = 0u; turn < items; turn += threads) {
    let item = turn + thread;
    let i = min(item, items - 1u) / rowItems;
    let n = item % rowItems * 4u;
    let present = item < items && i < rows;
    let at = i * tileRows + n;
    let value = vec4f(staged[at], staged[at + 1u], staged[at + 2u], staged[at + 3u]);
    var second = vec4f();
    if (gated) {
      let up = at + tileRows / 2u;
      second = vec4f(staged[up], staged[up + 1u], staged[up + 2u], staged[up + 3u]);
    }
    finish(thread, present, firstR + i, firstN + n, value, second);
  }
}
