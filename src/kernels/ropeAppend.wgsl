// qkv[t] = its q heads normed and turned, in place; cache[slots[t]] = its k heads normed and turned, and its v heads
//
// A workgroup is one token × one kv head (up to `groupHeads` of its query heads); qkvRows.wgsl does the work.

@group(0) @binding(4) var<storage, read> inputs: array<u32>; // positions, slots

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let kvHead = group.x / headGroups;
  let firstInGroup = (group.x % headGroups) * groupHeads;
  let token = group.y;
  prepareRows(thread, token, kvHead, firstInGroup, 1.0);
  appendRows(thread, kvHead, inputs[slotsAt + token], firstInGroup == 0u);
  for (var i = thread; i < min(groupHeads, groupSize - firstInGroup) * headWidth; i += threads) {
    qkv[rowStart(token, kvHead, firstInGroup, i / headWidth) + i % headWidth] = rows[i];
  }
}
