import { expect, test } from "vitest";
import { indexedDbVariants, TuningStore, type VariantEntries, type VariantStorage } from "./tuning.ts";

const candidates = [
  { threads: 64, arithmetic: "dot" },
  { threads: 128, arithmetic: "dot" },
];

function memory(
  content: Record<string, unknown> = {},
): VariantStorage & { content: Record<string, unknown> } {
  return {
    content,
    load: async (key) => content[key],
    add: async (key, entries) => {
      content[key] = { ...(content[key] as VariantEntries), ...entries };
    },
  };
}

/** What a new store knows where `stored` lies under the only key. */
async function reading(stored: unknown): Promise<TuningStore> {
  const store = new TuningStore(["a"], { load: async () => stored, add: async () => {} });
  await store.load();
  return store;
}

test("a choice is found again by a later store of the same adapter, and by no other", async () => {
  const storage = memory();
  await new TuningStore(["a", true], storage).set("k", candidates[1]!);
  await new TuningStore(["a", true], storage).set("other", candidates[0]!);
  for (const [adapter, found] of [
    [["a", true], candidates[1]],
    [["a", false], undefined],
    [["b", true], undefined],
  ] as const) {
    const store = new TuningStore(adapter, storage);
    expect(store.get("k", candidates)).toBeUndefined();
    await store.load();
    expect(store.get("k", candidates)).toBe(found);
  }
});

test.each([
  null,
  7,
  "text",
  [],
  { k: null },
  { k: "dot" },
  { k: {} },
  { k: [64, "dot"] },
  { k: { threads: 128 } },
  { k: { threads: "128", arithmetic: "dot" } },
  { k: { threads: 1e9, arithmetic: "dot" } },
  { k: { threads: 128, arithmetic: "dot", more: 1 } },
])("what is stored counts only if it is a candidate: %j", async (stored) => {
  expect((await reading(stored)).get("k", candidates)).toBeUndefined();
  expect((await reading({ k: { arithmetic: "dot", threads: 128 } })).get("k", candidates)).toBe(
    candidates[1],
  );
});

test("a choice of this session is not replaced by an older one", async () => {
  const store = new TuningStore(["a"], { load: async () => ({ k: candidates[0] }), add: async () => {} });
  await store.set("k", candidates[1]!);
  await store.load();
  expect(store.get("k", candidates)).toBe(candidates[1]);
});

test("without IndexedDB, as here, choices last for the session", async () => {
  expect(globalThis.indexedDB).toBeUndefined();
  const store = new TuningStore(["a"], indexedDbVariants());
  await store.load();
  await store.set("k", candidates[1]!);
  expect(store.get("k", candidates)).toBe(candidates[1]);
});

test("storage that never answers does not hold up loading", async () => {
  const store = new TuningStore(["a"], { load: () => new Promise(() => {}), add: async () => {} });
  await store.load();
  expect(store.get("k", candidates)).toBeUndefined();
});
