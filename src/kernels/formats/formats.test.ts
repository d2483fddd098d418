import { expect, it } from "vitest";
import { type WeightType, weightFormats } from "../../runtime/gpu/tensor.ts";
import { formatBindings, formatSource, groupWeights } from "./formats.ts";

const buffer = {} as GPUBuffer;

it.each(Object.keys(weightFormats) as WeightType[])(
  "%s: the WGSL agrees with the table of groups",
  (type) => {
    const source = formatSource(type, 3);
    expect(Number(/const groupQuads = (\d+)u;/.exec(source)![1]) * 4).toBe(groupWeights(type));
    const planes = weightFormats[type].planes.map((_, i) => ({
      buffer,
      offsetBytes: 256 * i,
      sizeBytes: 256,
    }));
    const { bindings, constants } = formatBindings(type, { rowStart: 0, rowCount: 1, planes });
    expect(source.match(/@binding\(/g)).toHaveLength(bindings.length);
    expect(bindings.length).toBeLessThanOrEqual(3);
    expect(Object.keys(constants)).toEqual([...source.matchAll(/override (\w+)/g)].map(([, name]) => name));
    expect(bindings.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBe(256 * planes.length);
  },
);
