// out[r, k] = x[r, k] (· weight[k]), or gate(x[r, k]) · x[r, K + k] where `gated`, as activations; also Σ x² per block.
//
// Eight threads make a block of 32, four values each. The TypeScript side declares `storeActivations` and what is bound,
// and names the function of gates.

override gated: bool = false;
override weighted: bool = false;

@compute @workgroup_size(activationThreads)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = (gridIndex(group, groups) * activationThreads + thread) / 8u; // row · blocks + block
  let row = index / outBlocks;
  let block = index % outBlocks;
  let column = block * 32u + thread % 8u * 4u;
  let present = row < stepRows();
  var value = vec4f();
  var squares = 0.0;
  if (present && column < outValues) {
    value = x[(row * select(1u, 2u, gated) * outValues + column) / 4u];
    squares = dot(value, value);
    if (gated) {
      value = GATE(value) * x[((row * 2u + 1u) * outValues + column) / 4u];
    }
    if (weighted) {
      value *= weights[column / 4u];
    }
  }
  storeActivations(thread, present, row, block, value, squares);
}
