/** The paged KV cache of one layer as kernels see it. */

import type { Tensor } from "../runtime/gpu/tensor.ts";
import { expectKernel, expectShape, expectSize } from "./checks.ts";
import { constSource } from "./prelude.ts";

/**
 * Keys and values of one layer, each (pages, K, pageSize, E): a page holds `pageSize` positions of one sequence,
 * head after head, so that one head's positions lie side by side. f32, or f16 in pairs.
 */
export interface KvCache {
  keys: Tensor;
  values: Tensor;
  pages: number;
  pageSize: number;
  kvHeads: number;
  /** E: a multiple of 8, at most 256. */
  headWidth: number;
}

/** Fails with both shapes unless the tensors are what the sizes say. */
export function expectKvCache(label: string, cache: KvCache): void {
  const { keys, values, pages, pageSize, kvHeads, headWidth } = cache;
  expectSize(label, "pageSize", pageSize, 1);
  expectSize(label, "kvHeads", kvHeads, 1);
  expectSize(label, "headWidth", headWidth, 8, 256);
  expectKernel(headWidth % 8 === 0, label, `headWidth is ${headWidth} and should be a multiple of 8.`);
  const dtype = keys.dtype === "f16" ? "f16" : "f32";
  const shape = [pages, kvHeads, pageSize, headWidth];
  expectShape(label, "keys", keys, dtype, shape);
  expectShape(label, "values", values, dtype, shape);
}

/** Sizes of the cache, and where a row of E elements starts, counted in eights of elements. */
function layoutSource({ pages, pageSize, kvHeads, headWidth }: KvCache): string {
  return `
${constSource({ pages, pageSize, kvHeads, headWidth, headEights: headWidth / 8 })}
struct Eight {
  low: vec4<f32>,
  high: vec4<f32>,
}
fn cacheRow(page: u32, kvHead: u32, slot: u32) -> u32 {
  return ((page * kvHeads + kvHead) * pageSize + slot) * headEights;
}
`;
}

/** Declares the cache to read at two bindings: `keysAt(i)` and `valuesAt(i)` load eight elements. */
export function cacheReadSource(cache: KvCache, firstBinding: number): string {
  const half = cache.keys.dtype === "f16";
  const reader = (name: string, binding: number) => `
@group(0) @binding(${binding}) var<storage, read> ${name}: array<${half ? "vec4<u32>" : "vec4<f32>"}>;
fn ${name}At(i: u32) -> Eight {
  ${half ? `return eightFromHalves(${name}[i]);` : `return Eight(${name}[2u * i], ${name}[2u * i + 1u]);`}
}
`;
  const convert = `
fn eightFromHalves(w: vec4<u32>) -> Eight {
  return Eight(
    vec4(unpack2x16float(w.x), unpack2x16float(w.y)),
    vec4(unpack2x16float(w.z), unpack2x16float(w.w)),
  );
}
`;
  return (
    layoutSource(cache) +
    (half ? convert : "") +
    reader("keys", firstBinding) +
    reader("values", firstBinding + 1)
  );
}

/** Declares the cache to write at two bindings: `storeKeys(i, eight)` and `storeValues(i, eight)`. */
export function cacheWriteSource(cache: KvCache, firstBinding: number): string {
  const half = cache.keys.dtype === "f16";
  const writer = (name: string, store: string, binding: number) => `
@group(0) @binding(${binding}) var<storage, read_write> ${name}: array<${half ? "vec4<u32>" : "vec4<f32>"}>;
fn ${store}(i: u32, value: Eight) {
  ${half ? `${name}[i] = halvesFromEight(value);` : `${name}[2u * i] = value.low;\n  ${name}[2u * i + 1u] = value.high;`}
}
`;
  const convert = `
fn halvesFromEight(value: Eight) -> vec4<u32> {
  // Beyond the largest f16 the result of packing is undefined: saturate.
  let low = clamp(value.low, vec4(-65504.0), vec4(65504.0));
  let high = clamp(value.high, vec4(-65504.0), vec4(65504.0));
  return vec4(
    pack2x16float(low.xy),
    pack2x16float(low.zw),
    pack2x16float(high.xy),
    pack2x16float(high.zw),
  );
}
`;
  return (
    layoutSource(cache) +
    (half ? convert : "") +
    writer("keys", "storeKeys", firstBinding) +
    writer("values", "storeValues", firstBinding + 1)
  );
}
