import { expect, test } from "vitest";
import { writeOnnx } from "./onnxFile.ts";

test("a small graph, byte by byte", () => {
  const parts = writeOnnx(
    {
      nodes: [{ op: "Add", inputs: ["a", "w"], outputs: ["b"], attributes: { n: 300, e: { float: 1 } } }],
      initializers: [{ name: "w", type: "u8", shape: [2], bytes: Uint8Array.of(7, 9) }],
      inputs: [{ name: "a", type: "f32", shape: ["T", 2] }],
      outputs: [],
    },
    ["x"],
  );
  const hex = Buffer.concat(parts).toString("hex");
  const node =
    "0a0161" + // input a
    "0a0177" + // input w
    "120162" + // output b
    "1a0162" + // name
    "2203416464" + // op_type Add
    "2a09" + // attribute n
    "0a016e" +
    "18ac02" + // 300
    "a00102" +
    "2a0b" + // attribute e
    "0a0165" +
    "150000803f" + // 1.0
    "a00101" +
    "3a00"; // domain
  const tensor = `0802${"1002"}${"420177"}${"4a020709"}`;
  const value = `0a0161${"1210"}${"0a0e"}${"0801"}${"120a"}${"0a03"}${"120154"}${"0a02"}${"0802"}`;
  const value2 = value.replace("120a", "1209").replace("1210", "120f").replace("0a0e", "0a0d");
  const graph = `0a${length(node)}${node}12056d6f64656c2a${length(tensor)}${tensor}5a${length(value2)}${value2}`;
  expect(hex).toBe(`080a3a${length(graph)}${graph}4204${"0a00"}${"1015"}4205${"0a0178"}${"1001"}`);
});

const length = (hex: string) => (hex.length / 2).toString(16).padStart(2, "0");
