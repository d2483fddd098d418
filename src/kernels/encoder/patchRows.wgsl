// out[r, ((c · frames + f) · P + i) · P + j] = image[f, c, P · y + i, P · x + j] with (y, x) the place of patch r; zeros behind
//
// A thread makes four neighbouring columns.
// Before this: the step, `gridIndex`, imageSizes.ts, and as constants channels, frames and outQuads (columns / 4).

@group(0) @binding(1) var<storage, read> image: array<f32>; // (frames, channels, height, width)
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>; // (R, columns)

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = gridIndex(group, groups) * 64u + thread;
  let row = index / outQuads;
  if (row >= stepRows()) {
    return;
  }
  let corner = patchPlace(row) * patchSize;
  let size = sizes[1];
  var value = vec4f();
  for (var e = 0u; e < 4u; e++) {
    let column = index % outQuads * 4u + e;
    let plane = column / (patchSize * patchSize);
    let frame = plane % frames;
    let channel = plane / frames;
    let place = corner + vec2(column / patchSize % patchSize, column % patchSize);
    if (channel < channels && place.x < size.x && place.y < size.y) {
      value[e] = image[((frame * channels + channel) * size.x + place.x) * size.y + place.y];
    }
  }
  out[index] = value;
}
