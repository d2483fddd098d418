// out[t, h, :] = Σ_s 2^sums[s] · parts[t, h, s, :] / Σ_s 2^sums[s]: the splits of attentionDecode.wgsl as one
//
// One workgroup per token and query head, one thread per element.

@group(0) @binding(0) var<storage, read> parts: array<f32>; // (T, heads, splits, E), then sums (T, heads, splits)
@group(0) @binding(1) var<storage, read> lengths: array<u32>; // (T)
@group(0) @binding(2) var<storage, read_write> out: array<f32>; // (T, heads, E)

override sumsStart: u32;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let row = group.y * heads + group.x;
  let seen = min(lengths[group.y], window);
  let size = splitSize(seen);
  let used = (seen + size - 1u) / size;
  let firstSum = sumsStart + row * splits;
  var largest = parts[firstSum];
  for (var s = 1u; s < used; s += 1u) {
    largest = max(largest, parts[firstSum + s]);
  }
  for (var e = thread; e < headWidth; e += 64u) {
    var value = 0.0;
    var total = 0.0;
    for (var s = 0u; s < used; s += 1u) {
      let weight = exp2(parts[firstSum + s] - largest);
      value += weight * parts[(row * splits + s) * headWidth + e];
      total += weight;
    }
    out[row * headWidth + e] = value / total;
  }
}
