/** The built library in a page of its own: from a sub-path, under the strict policy, without COOP/COEP. */

import { expect, test } from "./site.ts";

const model = "../../models/random.gguf"; // relative to the page, not to the worker's script

test("loads, reports its progress, says what it has, and is disposed of", async ({ embedded }) => {
  const result = await embedded.evaluate(async (model) => {
    const progress: { phase: string; loadedBytes: number; totalBytes: number }[] = [];
    const omni = await createOmni({ model, onProgress: (step) => progress.push(step) });
    const stats = await omni.stats();
    await omni.dispose();
    const after = await omni.fetch("/v1/models").catch((error: { code: string }) => error.code);
    return { progress, stats, after, isolated: globalThis.crossOriginIsolated };
  }, model);

  expect(result.isolated).toBe(false);
  expect(result.after).toBe("aborted");
  const phases = [...new Set(result.progress.map(({ phase }) => phase))];
  expect(phases).toEqual(["header", "weights", "compile", "ready"]);
  const bytes = result.progress.map(({ loadedBytes }) => loadedBytes);
  expect(bytes).toEqual(bytes.toSorted((a, b) => a - b));
  const { stats } = result;
  expect(stats.model).toMatchObject({ architecture: "llama", contextLength: 256 });
  expect(stats.gpuBytes.weights).toBeGreaterThan(80_000);
  expect(stats.gpuBytes.total).toBeGreaterThan(stats.gpuBytes.weights);
  expect(stats.dispatchesPerToken).toBeGreaterThan(10);
  expect(stats.load.bytes).toBeGreaterThan(80_000);
});

test("two conversations at once, each with its own answer", async ({ embedded }) => {
  const { apart, together, stats } = await embedded.evaluate(async (model) => {
    const omni = await createOmni({ model });
    const ask = async (content: string) => {
      const body = {
        messages: [{ role: "user", content }],
        max_tokens: 12,
        temperature: 0,
        ignore_eos: true,
      };
      const response = await omni.fetch("/v1/chat/completions", {
        method: "POST",
        body: JSON.stringify(body),
      });
      const { choices, usage } = await response.json();
      return { text: choices[0].message.content as string, tokens: usage.completion_tokens as number };
    };
    const apart = [await ask("a fox"), await ask("the sour grapes over there")];
    const together = await Promise.all([ask("a fox"), ask("the sour grapes over there")]);
    const stats = await omni.stats();
    await omni.dispose();
    return { apart, together, stats };
  }, model);

  expect(apart.map(({ tokens }) => tokens)).toEqual([12, 12]);
  expect(apart[0]?.text).not.toBe(apart[1]?.text);
  expect(together).toEqual(apart);
  expect(stats.requests).toMatchObject({ running: 0, queued: 0, finished: 4, length: 4, preemptions: 0 });
  expect(stats.tokens.generated).toBe(48);
  // Only the last conversation stays cached, for its next turn.
  expect(stats.kvPages.used * stats.kvPages.pageSize).toBeLessThan(64 + stats.kvPages.pageSize);
});

test("two models side by side, one of them from a file", async ({ embedded }) => {
  const ids = await embedded.evaluate(async (model) => {
    const file = await (await fetch("../../models/other.gguf")).blob();
    const both = await Promise.all([
      createOmni({ model, modelId: "one" }),
      createOmni({ model: file, modelId: "two" }),
    ]);
    const ids = await Promise.all(
      both.map(async (omni) =>
        (await (await omni.fetch("/v1/models")).json()).data.map(({ id }: { id: string }) => id),
      ),
    );
    await Promise.all(both.map((omni) => omni.dispose()));
    return ids;
  }, model);
  expect(ids).toEqual([["one"], ["two"]]);
});

test("with a worker of the app's own, and in the page's own thread", async ({ embedded }) => {
  const texts = await embedded.evaluate(async (model) => {
    const body = JSON.stringify({ prompt: "a fox", max_tokens: 8, temperature: 0 });
    const ask = async (worker?: Worker | false) => {
      const omni = await createOmni({ model, ...(worker === undefined ? {} : { worker }) });
      const response = await omni.fetch("/v1/completions", { method: "POST", body });
      const { choices } = await response.json();
      await omni.dispose();
      return choices[0].text as string;
    };
    const own = new Worker(new URL("./vendor/omnitab/worker.js", document.baseURI), { type: "module" });
    const texts = [await ask(), await ask(own), await ask(false)];
    own.terminate();
    return texts;
  }, model);
  expect(texts[0]).not.toBe("");
  expect(new Set(texts).size).toBe(1);
});

test("acting as an adapter without f16 and without subgroups gives the same greedy text", async ({
  embedded,
}, { project }) => {
  test.skip(project.name === "lavapipe", "compiles for minutes what nothing else there uses");
  const texts = await embedded.evaluate(async (model) => {
    const texts: string[] = [];
    for (const adapter of [{}, { disableF16: true }, { disableSubgroups: true }]) {
      const omni = await createOmni({ model, adapter, kvCache: { type: "f32" } });
      const body = JSON.stringify({ prompt: "once upon a time", max_tokens: 10, temperature: 0 });
      const response = await omni.fetch("/v1/completions", { method: "POST", body });
      texts.push((await response.json()).choices[0].text);
      await omni.dispose();
    }
    return texts;
  }, model);
  expect(texts[0]).not.toBe("");
  expect(new Set(texts).size).toBe(1);
});
