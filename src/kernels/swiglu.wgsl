// out = silu(gate) · up, where silu(g) = g / (1 + e^-g)
//
// One thread per value. The TypeScript side declares `Value` (vec4<f32>, or f32 where the width is not a multiple of 4)
// and the bindings `gate` (0) and `out` (3): in place, only `out` at binding 0. `gateAt(i)` reads gate either way.

@group(0) @binding(1) var<storage, read> up: array<Value>; // (R, width)

/// Values (not floats) per row.
override rowValues: u32;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = gridIndex(group, groups) * 64u + thread;
  if (i >= stepRows() * rowValues) {
    return;
  }
  let gate = gateAt(i);
  // e^-|g| is at most 1: nothing overflows, whatever the gate.
  let small = exp(-abs(gate));
  let sigmoid = select(small, Value(1.0), gate >= Value(0.0)) / (Value(1.0) + small);
  out[i] = gate * sigmoid * up[i];
}
