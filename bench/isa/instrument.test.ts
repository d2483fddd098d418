import { describe, expect, it } from "vitest";
import {
  countLoops,
  firstMark,
  loopCount,
  loopDepths,
  markLoops,
  workgroupInvocations,
} from "./instrument.ts";

const kernel = `// for (a comment) { is no loop
struct Lanes { @builtin(local_invocation_index) index: u32 }
override size: u32 = 64u;
const rows = 2u;
fn helper(n: u32) -> u32 {
  var sum = 0u;
  for (var i = min(n, (2u)); i < n; i++) { sum += i; }
  return sum;
}
@compute @workgroup_size(size, rows)
fn main(@builtin(workgroup_id) group: vec3<u32>, lanes: Lanes) {
  while (helper(3u) > 9u) { loop { break; } }
}
`;

describe("loops", () => {
  it("are found in their order, not in comments", () => {
    expect(loopCount(kernel)).toBe(3);
    const marked = markLoops(kernel);
    const marks = [...marked.matchAll(/\{ loopMarks\[(\d+)\] = (\d+)u;/g)].map(([, at, mark]) => [at, mark]);
    expect(marks).toEqual([0, 1, 2].map((i) => [String(64 * i), String(firstMark + i)]));
    expect(marked).toContain(`i++) { loopMarks[0] = ${firstMark}u; sum += i; }`);
    expect(marked).toMatch(/> 9u\) \{ loopMarks\[64\] = \d+u; loop \{ loopMarks\[128\] = \d+u; break; \} \}/);
  });

  it("are as deep as there are loops around them, those of other functions deeper than any of main", () => {
    expect(loopDepths(kernel)).toEqual([3, 0, 1]);
    const nested =
      "fn main() { for (;;) { /* { */ for (;;) {} loop {} } loop {} } fn f() { loop { loop {} } }";
    expect(loopDepths(`@compute @workgroup_size(1) ${nested}`)).toEqual([0, 1, 1, 0, 6, 7]);
  });

  it("count by invocation, with built-in values that the kernel has or lacks", () => {
    const counting = countLoops(kernel, 128, 7);
    expect(counting).toContain("fn countedMain(group: vec3<u32>, lanes: Lanes) {");
    expect(counting).toContain("lanes: Lanes, @builtin(num_workgroups) loop_num_workgroups: vec3<u32>) {");
    expect(counting).toContain("countedMain(group, lanes);");
    expect(counting).toContain("group.z * loop_num_workgroups.y + group.y");
    expect(counting).toContain("u32((size) * (rows)) + lanes.index;");
    expect(counting).toContain("if (loopGroup % 7u != 0u)");
    expect(counting).toContain("loopCounts[260u + loopSlot] = loopTurns2;");
    expect(counting.match(/@compute/g)).toHaveLength(1);
  });

  it("take an entry point without parameters, or with a comma at their end", () => {
    const bare = "@compute @workgroup_size(1) fn main() { loop { break; } }";
    expect(countLoops(bare, 1)).toContain("fn main(@builtin(workgroup_id) loop_workgroup_id: vec3<u32>, ");
    const trailing =
      "@workgroup_size(1) @compute\nfn main(\n  @builtin(workgroup_id) g: vec3u, // of all\n) {}";
    expect(countLoops(trailing, 1)).toContain("fn countedMain(g: vec3u)");
  });

  it("fail without an entry point", () => {
    expect(() => countLoops("fn other() {}", 1)).toThrow("no entry point");
  });
});

it("knows the size of a workgroup from constants, overridden or not", () => {
  expect(workgroupInvocations(kernel, {})).toBe(128);
  expect(workgroupInvocations(kernel, { size: 32 })).toBe(64);
  expect(workgroupInvocations(kernel.replace("size, rows", "size / 2u"), {})).toBeUndefined();
});
