// cache[places[t], :] = x[t, start : start + width]; rows whose place the cache does not have go nowhere.
// One thread per 4 columns. Before this: the step, `gridIndex`, constants threads, startQuads, strideQuads, widthQuads,
// cacheRows.

@group(0) @binding(1) var<storage, read> x: array<vec4f>; // (T, stride)
@group(0) @binding(2) var<storage, read> places: array<u32>; // (T)
@group(0) @binding(3) var<storage, read_write> cache: array<vec4f>; // (S, width)

@compute @workgroup_size(threads)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = gridIndex(workgroup, workgroups) * threads + thread;
  let t = index / widthQuads;
  let quad = index % widthQuads;
  if (t >= stepRows()) {
    return;
  }
  let place = places[t];
  if (place < cacheRows) {
    cache[place * widthQuads + quad] = x[t * strideQuads + startQuads + quad];
  }
}
