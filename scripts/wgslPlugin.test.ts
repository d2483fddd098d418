import { expect, test } from "vitest";
import { stripWgsl } from "./wgslPlugin.ts";

test("comments and indentation go, code stays line by line", () => {
  const source = `// out = a / b
//
/* over
   lines */ override width: u32; /// units
@compute @workgroup_size(64)
fn main() {
  for (var i = 0u; i < width; i++) {
    out[i] = a[i] / b[i]; // not a // comment inside

  }
}
`;
  expect(stripWgsl(source)).toBe(
    "override width: u32;\n@compute @workgroup_size(64)\nfn main() {\n" +
      "for (var i = 0u; i < width; i++) {\nout[i] = a[i] / b[i];\n}\n}",
  );
});
