/**
 * The bytes of attachments: in memory while they are part of a draft, in IndexedDB once they were sent. Apart from
 * conversations, which are stored anew with every word of an answer.
 */

import { createStore, delMany, entries, get, set, type UseStore } from "idb-keyval";

export interface AttachmentData {
  /** One, or each of the frames. */
  blobs: readonly Blob[];
  /** A video's first picture. */
  poster?: Blob;
}

interface Stored extends AttachmentData {
  keptAt: number;
}

/** Set while there may be something to sweep, so that a page without attachments need not look. */
export const keptFlag = "omnitab.attachments";
/** Younger ones may belong to a message that another tab is just storing. */
const sweepAgeMs = 10 * 60_000;

let opened: UseStore | undefined;
const store = () => {
  opened ??= createStore("omnitab-attachments", "data"); // throws where IndexedDB is forbidden
  return opened;
};

const held = new Map<string, AttachmentData>();

/** Keeps them for this page. */
export function hold(id: string, data: AttachmentData): void {
  held.set(id, data);
}

export function release(id: string): void {
  held.delete(id);
}

/** Stores what is held, so that it outlives the page. @throws what IndexedDB throws */
export async function keep(id: string): Promise<void> {
  const data = held.get(id);
  if (!data) return; // it came from there
  localStorage.setItem(keptFlag, "1");
  await set(id, { ...data, keptAt: Date.now() } satisfies Stored, store());
  held.delete(id);
}

/** Undefined where the browser has given them up. */
export async function load(id: string): Promise<AttachmentData | undefined> {
  try {
    return held.get(id) ?? (await get<Stored>(id, store()));
  } catch {
    return undefined;
  }
}

/** Removes what no conversation refers to any more. @param referred ids */
export async function sweep(referred: ReadonlySet<string>): Promise<void> {
  const kept = await entries<string, Partial<Stored>>(store());
  const stale = kept
    .filter(([id, { keptAt = 0 }]) => !referred.has(id) && Date.now() - keptAt > sweepAgeMs)
    .map(([id]) => id);
  await delMany(stale, store());
  if (stale.length === kept.length) localStorage.removeItem(keptFlag);
}
