/** Loads a fake engine. The model's name says what shall happen. */

import { FakeEngine } from "../api/testing/fakeEngine.ts";
import { fakeTemplate } from "../api/testing/fakeTokenizer.ts";
import { badModelFile, OmniError } from "../errors.ts";
import { runtimeOf } from "../runtime.ts";
import type { LoadRuntime } from "../wire.ts";

/**
 * - `…/bad`: fails as a broken file does
 * - `…/endless`: loads until it is aborted
 * - `…/failing`: breaks at the third token
 * - `…/doomed`: loses its device when it is asked anything
 * - else: answers with 400 tokens, 5 ms each; `/tokenize` and the like work as ever
 */
export const fakeLoad: LoadRuntime = async ({ model }, { onProgress, signal }) => {
  const kind = String(model).split("/").pop();
  const report = (loadedBytes: number) =>
    onProgress?.({ phase: "weights", loadedBytes, totalBytes: 2, elapsedMs: loadedBytes });
  report(1);
  if (kind === "bad") throw badModelFile("blk.0.attn_q.weight ends at byte 10", "blk.0.attn_q.weight");
  if (kind === "endless")
    await new Promise((_, reject) => {
      signal?.addEventListener("abort", () => reject(new OmniError("aborted", "Stopped.")));
    });
  report(2);
  const engine = new FakeEngine({
    reply: () => "x".repeat(400),
    delayMs: 5,
    ...(kind === "failing" ? { failure: { at: 2, error: new OmniError("out_of_memory", "No room.") } } : {}),
  });
  let lose = (_reason: string) => {};
  const lost = new Promise<string>((resolve) => {
    lose = resolve;
  });
  const runtime = runtimeOf({
    engine,
    chatTemplate: fakeTemplate,
    load: { elapsedMs: 1, bytes: 2 },
    lost,
  });
  if (kind !== "doomed") return runtime;
  return {
    ...runtime,
    fetch(request) {
      lose("unplugged");
      return runtime.fetch(request);
    },
  };
};
