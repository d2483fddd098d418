/**
 * Stands in for `runtime/client.ts` in the page that `e2e/attachments.e2e.ts` and `e2e/capture.e2e.ts` open: a model that takes what `?inputs=` lists,
 * counts what it is given, and lets the test read what it was asked.
 */

import type { ApiMessage } from "../completion.ts";
import { fakeCreateOmni } from "./fakeOmni.ts";

const query = new URLSearchParams(location.search);

/** "1 image_url, 1 text" */
function count({ content }: ApiMessage): string {
  if (typeof content === "string") return "text alone";
  const counts = new Map<string, number>();
  for (const { type } of content) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts].map(([type, number]) => `${number} ${type}`).join(", ");
}

const fake = fakeCreateOmni(() => ({
  modelId: "fake-omni",
  inputs: (query.get("inputs") ?? "text,image,audio,video").split(",") as ("text" | "image")[],
  transcript: ["Three plus ", "four."],
  answer: (messages) => ["I was given ", count(messages.at(-1)!), "."],
  pieceDelayMs: Number(query.get("delay") ?? 20),
}));

export const { createOmni } = fake;

Object.assign(globalThis, { fakes: fake.created });
