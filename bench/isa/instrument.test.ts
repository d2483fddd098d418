import { describe, expect, it } from "vitest";
import { countLoops, firstMark, loopCount, markLoops, workgroupInvocations } from "./instrument.ts";

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
    expect([...marked.matchAll(/\{ loopTurn\((\d)u\);/g)].map(([, n]) => n)).toEqual(["0", "1", "2"]);
    expect(marked).toContain("i++) { loopTurn(0u); sum += i; }");
    expect(marked).toContain("> 9u) { loopTurn(1u); loop { loopTurn(2u); break; } }");
    expect(marked).toContain(`${firstMark}u + index`);
  });

  it("count by invocation, with built-in values that the kernel has or lacks", () => {
    const counting = countLoops(kernel, 128);
    expect(counting).toContain("group.z * loop_num_workgroups.y + group.y");
    expect(counting).toContain("u32((size) * (rows)) + lanes.index;");
    expect(countLoops(kernel, 128, 7)).toContain("if (loopGroup % 7u != 0u)");
    expect(counting).toContain("lanes: Lanes, @builtin(num_workgroups) loop_num_workgroups: vec3<u32>)");
    expect(counting).not.toContain("@builtin(workgroup_id) loop_");
  });

  it("add parameters to an entry point that has none, or a comma at its end", () => {
    const bare = "@compute @workgroup_size(1) fn main() { loop { break; } }";
    expect(countLoops(bare, 1)).toContain("fn main(@builtin(workgroup_id) loop_workgroup_id: vec3<u32>, ");
    const trailing = "@compute @workgroup_size(1)\nfn main(\n  @builtin(workgroup_id) g: vec3u,\n) {}";
    expect(countLoops(trailing, 1)).toMatch(/g: vec3u,\s*@builtin\(num_workgroups\)/);
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
