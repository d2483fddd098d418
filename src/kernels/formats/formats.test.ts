import { expect, it } from "vitest";
import { type WeightType, weightFormats } from "../../runtime/gpu/tensor.ts";
import { formatSource, groupWeights } from "./formats.ts";

it.each(Object.keys(weightFormats) as WeightType[])(
  "%s: the WGSL agrees with the table of groups",
  (type) => {
    const source = formatSource(type, 3);
    expect(Number(/const groupQuads = (\d+)u;/.exec(source)![1]) * 4).toBe(groupWeights(type));
    expect(source.match(/@binding\(/g)).toHaveLength(weightFormats[type].planes.length);
  },
);
