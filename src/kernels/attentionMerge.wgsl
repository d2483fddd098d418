// out[t, h, :] = Σ_s 2^sums[s] · parts[t, h, s, :] / Σ_s 2^sums[s]: the splits of attentionDecode.wgsl as one
//
// One workgroup per token and query head, one thread per four elements.
//
// The TypeScript side declares `inputs`' offsets, sizes, and `storeResult` at binding 2.

@group(0) @binding(0) var<storage, read> parts: array<f32>; // (T, heads, splits, E), then sums (T, heads, splits)
@group(0) @binding(1) var<storage, read> inputs: array<u32>; // lengths

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let row = group.y * heads + group.x;
  let seen = min(inputs[lengthsAt + group.y], window);
  let size = splitSize(seen);
  let used = (seen + size - 1u) / size;
  let firstSum = sumsStart + row * splits;
  var largest = parts[firstSum];
  for (var s = 1u; s < used; s += 1u) {
    largest = max(largest, parts[firstSum + s]);
  }
  let word = min(thread, headWidth / 4u - 1u);
  var value = vec4f(0.0);
  var total = 0.0;
  for (var s = 0u; s < used; s += 1u) {
    let weight = exp2(parts[firstSum + s] - largest);
    let at = (row * splits + s) * headWidth + word * 4u;
    value += weight * vec4f(parts[at], parts[at + 1u], parts[at + 2u], parts[at + 3u]);
    total += weight;
  }
  storeResult(thread, thread < headWidth / 4u, group.y, group.x, 0u, word, value / total);
}
