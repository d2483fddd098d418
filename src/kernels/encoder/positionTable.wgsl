// out[r, :] = the table (tableHeight, tableWidth, D) between its four entries next to where patch r lies
//
// A thread makes four neighbouring values.
// Before this: the step, `gridIndex`, imageSizes.ts, and as constants tableHeight, tableWidth, rowQuads (D / 4) and
// alignCorners (0 or 1).

@group(0) @binding(1) var<storage, read> table: array<vec4f>; // (tableHeight, tableWidth, D)
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>; // (R, D)

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = gridIndex(group, groups) * 64u + thread;
  let row = index / rowQuads;
  if (row >= stepRows()) {
    return;
  }
  let most = vec2(tableHeight, tableWidth) - 1u;
  let grid = max(sizes[1] / patchSize, vec2(1u));
  let place = vec2f(patchPlace(row));
  // Corner on corner, or edge on edge with entries in the middle of their cells.
  let corners = place * vec2f(most) / vec2f(max(grid, vec2(2u)) - 1u);
  let middles = (place + 0.5) * (vec2f(most) + 1.0) / vec2f(grid) - 0.5;
  let at = clamp(select(middles, corners, alignCorners == 1u), vec2f(), vec2f(most));
  let low = min(vec2<u32>(at), most);
  let high = min(low + 1u, most);
  let part = at - vec2f(low);
  let quad = index % rowQuads;
  let upper = mix(
    table[(low.x * tableWidth + low.y) * rowQuads + quad],
    table[(low.x * tableWidth + high.y) * rowQuads + quad],
    part.y,
  );
  let lower = mix(
    table[(high.x * tableWidth + low.y) * rowQuads + quad],
    table[(high.x * tableWidth + high.y) * rowQuads + quad],
    part.y,
  );
  out[index] = mix(upper, lower, part.x);
}
