// cache[slots[t] / pageSize][head][slots[t] % pageSize][:] = k[t, head, :], likewise v
//
// One thread per eight elements of k and the same eight of v. The TypeScript side declares the cache's layout and
// `storeEight` (f32, or f16 pairs, where values beyond f16 saturate) with `keys` (3) and `values` (4).

@group(0) @binding(0) var<storage, read> k: array<vec4<f32>>; // (T, kvHeads, headWidth)
@group(0) @binding(1) var<storage, read> v: array<vec4<f32>>; // (T, kvHeads, headWidth)
@group(0) @binding(2) var<storage, read> slots: array<u32>; // (T)

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = gridIndex(group, groups) * 64u + thread;
  let row = index / headEights; // token · kvHeads + head
  let token = row / kvHeads;
  if (token >= stepRows()) {
    return;
  }
  let slot = slots[token];
  if (slot >= pages * pageSize) {
    return; // a slot outside the cache stores nothing, rather than over another's
  }
  let at = cacheRow(slot / pageSize, row % kvHeads, slot % pageSize) + index % headEights;
  storeKeys(at, Eight(k[2u * index], k[2u * index + 1u]));
  storeValues(at, Eight(v[2u * index], v[2u * index + 1u]));
}
