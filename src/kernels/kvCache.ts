/** The paged KV cache of one layer as kernels see it. */

import { OmniError } from "../runtime/errors.ts";
import type { BufferArena } from "../runtime/gpu/buffers.ts";
import type { Tensor } from "../runtime/gpu/tensor.ts";
import { expectKernel, expectShape, expectSize } from "./checks.ts";
import { constSource } from "./prelude.ts";

/** How keys and values are stored: as floats, or as signed bytes with an f32 scale per 32 of a head. */
export const kvCacheTypes = ["f32", "f16", "q8"] as const;
export type KvCacheType = (typeof kvCacheTypes)[number];

export interface KvCacheSizes {
  type: KvCacheType;
  pages: number;
  /** Positions of a page; a multiple of 4 in q8. */
  pageSize: number;
  kvHeads: number;
  /** E: a multiple of 8, of 32 in q8; at most 256. */
  headWidth: number;
}

/**
 * Keys and values of one layer. A page holds `pageSize` positions of one sequence, head after head, so that one head's
 * positions lie side by side.
 *
 *   f32, f16: (pages, K, pageSize, E)
 *   q8: u32 (pages, K, pageSize · (E / 4 + E / 32)): per page and head the bytes of all its positions, then their
 *       scales; x = scale · byte
 */
export interface KvCache extends KvCacheSizes {
  keys: Tensor;
  values: Tensor;
}

/** Shape of the keys, and of the values. */
export function kvCacheShape({ type, pages, pageSize, kvHeads, headWidth }: KvCacheSizes): number[] {
  if (type === "q8") return [pages, kvHeads, pageSize * (headWidth / 4 + headWidth / 32)];
  return [pages, kvHeads, pageSize, headWidth];
}

/** Bytes of a position's keys in one layer; its values take as many. */
export function kvPositionBytes({
  type,
  kvHeads,
  headWidth,
}: Pick<KvCacheSizes, "type" | "kvHeads" | "headWidth">): number {
  if (type === "q8") return kvHeads * (headWidth + headWidth / 8);
  return kvHeads * headWidth * (type === "f32" ? 4 : 2);
}

const dtypes = { f32: "f32", f16: "f16", q8: "u32" } as const;

/** A layer's cache, filled with zeros. @throws OmniError `unsupported_adapter` where it exceeds a binding */
export function createKvCache(arena: BufferArena, name: string, sizes: KvCacheSizes): KvCache {
  const tensor = (part: string) => arena.tensor(`${part} ${name}`, dtypes[sizes.type], kvCacheShape(sizes));
  return { ...sizes, keys: tensor("keys"), values: tensor("values") };
}

/** Fails with both shapes unless the tensors are what the sizes say. */
export function expectKvCache(label: string, cache: KvCache): void {
  const { type, keys, values, pageSize, kvHeads, headWidth } = cache;
  expectSize(label, "pageSize", pageSize, 1);
  expectSize(label, "kvHeads", kvHeads, 1);
  expectSize(label, "headWidth", headWidth, 8, 256);
  const multiple = type === "q8" ? 32 : 8;
  expectKernel(
    headWidth % multiple === 0,
    label,
    `headWidth is ${headWidth} and should be a multiple of ${multiple} (${type}).`,
  );
  if (type === "q8")
    expectKernel(pageSize % 4 === 0, label, `pageSize is ${pageSize} and should be a multiple of 4 (q8).`);
  expectShape(label, "keys", keys, dtypes[type], kvCacheShape(cache));
  expectShape(label, "values", values, dtypes[type], kvCacheShape(cache));
}

/** Elements of a head that one 16-byte word holds (two words in f32): what kernels read at a time. */
export function pieceWidth(type: KvCacheType): number {
  return type === "q8" ? 16 : 8;
}

/** Elements of a head that are stored at a time: those that share a scale. */
function blockWidth(type: KvCacheType): number {
  return type === "q8" ? 32 : 8;
}

/** Flags in `faults`. */
const faultyKeys = 1;
const faultyValues = 2;

/**
 * The error that the flags in `faults` stand for, if any. What was out of range has been stored as the largest number
 * that the cache can hold, so answers may be wrong from there on.
 */
export function cacheFault(flags: number, type: KvCacheType): OmniError | undefined {
  if (flags === 0) return undefined;
  const what = [flags & faultyKeys && "keys", flags & faultyValues && "values"].filter(Boolean).join(" and ");
  const message =
    type === "f16"
      ? `This model's ${what} exceed what an f16 cache can hold (65504): load it with kvCache.type "f32".`
      : `This model computes ${what} that are not finite numbers.`;
  return new OmniError("unsupported_model", message, { param: "kvCache.type" });
}

/** Sizes of the cache, and where a piece of a row lies. */
function layoutSource({ type, pages, pageSize, kvHeads, headWidth }: KvCache): string {
  const width = pieceWidth(type);
  return `
${constSource({
  ...{ pages, pageSize, kvHeads, headWidth },
  headPieces: headWidth / width,
  pieceVectors: width / 4,
  headBlocks: headWidth / blockWidth(type),
  blockVectors: blockWidth(type) / 4,
})}
/// A page's positions of one kv head, as a number.
fn pageHead(page: u32, kvHead: u32) -> u32 {
  return page * kvHeads + kvHead;
}
/// Where a piece lies, counted in 16-byte words (pairs of them in f32).
fn pieceAt(head: u32, slot: u32, piece: u32) -> u32 {
  return ${type === "q8" ? "head * (pageSize * (headPieces * 4u + headWidth / 32u) / 4u)" : "head * (pageSize * headPieces)"} + slot * headPieces + piece;
}
${
  type === "q8"
    ? `/// Where the scale of 32 elements lies, counted in words.
fn scaleAt(head: u32, slot: u32, block: u32) -> u32 {
  return pieceAt(head, pageSize, 0u) * 4u + slot * (headWidth / 32u) + block;
}`
    : ""
}`;
}

const pieceLoads: Record<KvCacheType, (name: string) => string> = {
  f32: (name) => `return Piece(array(${name}[2u * at], ${name}[2u * at + 1u]), 1.0);`,
  f16: (name) => `let w = ${name}[at];
  return Piece(array(
    vec4f(unpack2x16float(w.x), unpack2x16float(w.y)),
    vec4f(unpack2x16float(w.z), unpack2x16float(w.w)),
  ), 1.0);`,
  q8: (name) => `let w = ${name}[at];
  let scale = scaleAt(head, slot, piece / 2u);
  return Piece(array(
    vec4f(unpack4xI8(w.x)),
    vec4f(unpack4xI8(w.y)),
    vec4f(unpack4xI8(w.z)),
    vec4f(unpack4xI8(w.w)),
  ), bitcast<f32>(${name}[scale / 4u][scale % 4u]));`,
};

/**
 * Declares the cache at two bindings and how to read it: `keyPiece(head, slot, piece)` and `valuePiece` load
 * `pieceVectors` vectors that are to be multiplied by `scale`; `head` comes from `pageHead(page, kvHead)`.
 * With `faults`, the binding of that tensor, also {@link writeSource}.
 */
export function cacheSource(cache: KvCache, firstBinding: number, faults?: number): string {
  const access = faults === undefined ? "read" : "read_write";
  const element = cache.type === "f32" ? "vec4f" : "vec4u";
  const reader = (name: string, load: string, binding: number) => `
@group(0) @binding(${binding}) var<storage, ${access}> ${name}: array<${element}>;
fn ${load}(head: u32, slot: u32, piece: u32) -> Piece {
  let at = pieceAt(head, slot, piece);
  ${pieceLoads[cache.type](name)}
}
`;
  return `${layoutSource(cache)}
struct Piece {
  v: array<vec4f, pieceVectors>,
  scale: f32,
}
${reader("keys", "keyPiece", firstBinding)}${reader("values", "valuePiece", firstBinding + 1)}${
  faults === undefined ? "" : writeSource(cache.type, faults)
}`;
}

const blockStores: Record<KvCacheType, (name: string) => string> = {
  f32: (name) => `let at = 2u * pieceAt(head, slot, block);
    ${name}[at] = x[0];
    ${name}[at + 1u] = x[1];`,
  f16: (name) => `${name}[pieceAt(head, slot, block)] = stored.words;`,
  q8: (name) => `let at = pieceAt(head, slot, 2u * block);
    ${name}[at] = stored.words[0];
    ${name}[at + 1u] = stored.words[1];
    let scale = scaleAt(head, slot, block);
    ${name}[scale / 4u][scale % 4u] = bitcast<u32>(stored.scale);`,
};

/** How a block is rounded, in place, to what the cache holds, and the words for it. */
const blockRounding: Record<KvCacheType, string> = {
  f32: "",
  f16: `
struct Stored {
  words: vec4u,
}
fn roundBlock(x: ptr<function, array<vec4f, blockVectors>>) -> Stored {
  // Beyond the largest f16 the result of packing is undefined: saturate.
  let low = clamp((*x)[0], vec4f(-65504.0), vec4f(65504.0));
  let high = clamp((*x)[1], vec4f(-65504.0), vec4f(65504.0));
  let words = vec4u(
    pack2x16float(low.xy),
    pack2x16float(low.zw),
    pack2x16float(high.xy),
    pack2x16float(high.zw),
  );
  (*x)[0] = vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
  (*x)[1] = vec4f(unpack2x16float(words.z), unpack2x16float(words.w));
  return Stored(words);
}
`,
  q8: `
struct Stored {
  words: array<vec4u, 2>,
  scale: f32,
}
fn roundBlock(x: ptr<function, array<vec4f, blockVectors>>) -> Stored {
  var most = vec4f(0.0);
  for (var i = 0u; i < blockVectors; i++) {
    most = max(most, abs((*x)[i]));
  }
  let largest = min(max(max(most.x, most.y), max(most.z, most.w)), 3e38);
  // Below the normal numbers all is zero.
  let inverse = select(0.0, 127.0 / largest, largest > 1e-30);
  var stored = Stored(array<vec4u, 2>(), select(0.0, largest / 127.0, largest > 1e-30));
  for (var i = 0u; i < blockVectors; i++) {
    let bytes = vec4i(round(clamp((*x)[i] * inverse, vec4f(-127.0), vec4f(127.0))));
    stored.words[i / 4u][i % 4u] = pack4xI8(bytes);
    (*x)[i] = vec4f(bytes) * stored.scale;
  }
  return stored;
}
`,
};

/**
 * Declares `storeKeyBlock(head, slot, block, &x)` and `storeValueBlock`: they write a block of `blockVectors` vectors,
 * leave in x what a read will give, and note what exceeds the cache's type. `store` is false where x is only rounded.
 */
function writeSource(type: KvCacheType, faultsBinding: number): string {
  // 65504 in f16, else the largest finite number: compared as bits, as compilers may assume numbers to be finite.
  const limit = type === "f16" ? "0x477fe000u" : "0x7f7fffffu";
  const writer = (name: string, store: string, flag: number) => `
fn ${store}(store: bool, head: u32, slot: u32, block: u32, x: ptr<function, array<vec4f, blockVectors>>) {
  if (store && exceeds(x)) {
    atomicOr(&faults, ${flag}u);
  }
  ${type === "f32" ? "" : "let stored = roundBlock(x);"}
  if (store) {
    ${blockStores[type](name).replace(/\bx\[/g, "(*x)[")}
  }
}
`;
  return `
@group(0) @binding(${faultsBinding}) var<storage, read_write> faults: atomic<u32>;
fn exceeds(x: ptr<function, array<vec4f, blockVectors>>) -> bool {
  var most = vec4u(0u);
  for (var i = 0u; i < blockVectors; i++) {
    most = max(most, bitcast<vec4u>((*x)[i]) & vec4u(0x7fffffffu));
  }
  return max(max(most.x, most.y), max(most.z, most.w)) > ${limit};
}
${blockRounding[type]}${writer("keys", "storeKeyBlock", faultyKeys)}${writer("values", "storeValueBlock", faultyValues)}`;
}
