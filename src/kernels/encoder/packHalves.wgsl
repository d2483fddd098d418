// out[i] = x[i] as f16, a thread per four values.
// Before this: the step, `gridIndex`, and rowQuads (D / 4) as a constant.

@group(0) @binding(1) var<storage, read> x: array<vec4f>; // (R, D)
@group(0) @binding(2) var<storage, read_write> out: array<vec2<u32>>; // (R, D) f16

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = gridIndex(group, groups) * 64u + thread;
  if (i < stepRows() * rowQuads) {
    let value = clamp(x[i], vec4f(-65504.0), vec4f(65504.0));
    out[i] = vec2(pack2x16float(value.xy), pack2x16float(value.zw));
  }
}
