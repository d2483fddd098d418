/** Which variant of each kernel is fastest on this adapter: measured once, remembered in IndexedDB. */

import { createStore, get, update } from "idb-keyval";

/** A layout of a kernel: plain numbers, texts and switches by name. */
export type Variant = object;

export type VariantEntries = Record<string, Variant>;

/** Raised when kernels change so much that what was measured says nothing any more. */
const kernelsVersion = 1;

/** Storage may be missing, forbidden, or hang (Safari has done so): loading a model does not wait longer than this. */
const storageTimeoutMs = 1000;

/** Where choices outlive the session; any of it may fail. */
export interface VariantStorage {
  /** Whatever is stored under the key: not to be trusted. */
  load(key: string): Promise<unknown>;
  /** Adds entries to what is stored, as other tabs may do at the same time. */
  add(key: string, entries: VariantEntries): Promise<void>;
}

export function indexedDbVariants(): VariantStorage {
  const store = () => createStore("omnitab-kernels", "variants"); // throws where IndexedDB is missing or forbidden
  return {
    load: async (key) => get(key, store()),
    add: async (key, entries) =>
      update(key, (old: unknown) => ({ ...(isEntries(old) ? old : {}), ...entries }), store()),
  };
}

function isEntries(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether something stored says the same as a variant that there is. */
function isSame(stored: unknown, variant: Variant): boolean {
  if (!isEntries(stored)) return false;
  const entries = Object.entries(variant);
  return Object.keys(stored).length === entries.length && entries.every(([name, v]) => stored[name] === v);
}

/** The chosen variants of one adapter, by kernel and shape. */
export class TuningStore {
  private readonly known = new Map<string, unknown>();
  private readonly adapterKey: string;

  /** @param adapter everything by which adapters differ for kernels */
  constructor(
    adapter: readonly unknown[],
    private readonly storage: VariantStorage = indexedDbVariants(),
  ) {
    this.adapterKey = JSON.stringify([kernelsVersion, ...adapter]);
  }

  /** Reads what is remembered of this adapter; nothing where storage does not work. */
  async load(): Promise<void> {
    const late = new Promise<undefined>((resolve) => setTimeout(resolve, storageTimeoutMs, undefined));
    const stored = await Promise.race([this.storage.load(this.adapterKey).catch(() => undefined), late]);
    if (isEntries(stored))
      for (const [key, variant] of Object.entries(stored))
        if (!this.known.has(key)) this.known.set(key, variant);
  }

  /** The variant chosen for `key`, if there still is such a one. */
  get<V extends Variant>(key: string, candidates: readonly V[]): V | undefined {
    const stored = this.known.get(key);
    return candidates.find((candidate) => isSame(stored, candidate));
  }

  /** Chooses a variant, for this session at least. */
  async set(key: string, variant: Variant): Promise<void> {
    this.known.set(key, variant);
    await this.storage.add(this.adapterKey, { [key]: variant }).catch(() => undefined);
  }
}
