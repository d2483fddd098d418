/** The worker boundary, in a browser, with a fake engine behind it. */

import { expect, test } from "vitest";
import { createOmni } from "./client.ts";
import { describeOmni } from "./testing/omniSuite.ts";
import type { LoadProgress } from "./types.ts";

const startFake = () =>
  new Worker(new URL("./testing/fakeWorker.ts", import.meta.url), { type: "module", name: "fake" });

describeOmni("in a worker", (model) => createOmni({ model, worker: startFake() }));

test("progress comes through; what the callback throws does no harm", async () => {
  const seen: LoadProgress[] = [];
  const onProgress = (progress: LoadProgress) => {
    seen.push(progress);
    throw new Error("the page's own");
  };
  const omni = await createOmni({ model: "/any", worker: startFake(), onProgress });
  // Progress has a port of its own, so the last of it may come a moment after the model is ready.
  const reported = () => seen.map(({ phase, loadedBytes, totalBytes }) => [phase, loadedBytes, totalBytes]);
  await expect.poll(reported).toEqual([
    ["weights", 1, 2],
    ["weights", 2, 2],
  ]);
  await omni.dispose();
});

test("one worker serves several clients, and outlives each", async () => {
  const worker = startFake();
  const first = await createOmni({ model: "/any", worker });
  const second = await createOmni({ model: "/any", worker });
  await first.dispose();
  expect((await second.fetch("/v1/models")).status).toBe(200);
  await second.dispose();
  worker.terminate();
});

test("aborting while it loads rejects", async () => {
  const aborted = { name: "OmniError", code: "aborted" };
  const worker = startFake();
  await expect(createOmni({ model: "/any", worker, signal: AbortSignal.abort() })).rejects.toMatchObject(
    aborted,
  );
  const abort = new AbortController();
  const onProgress = () => abort.abort();
  const loading = createOmni({ model: "/endless", worker, signal: abort.signal, onProgress });
  await expect(loading).rejects.toMatchObject(aborted);
  worker.terminate();
});

test("a worker whose script is missing or broken is an error, not a hang", async () => {
  const missing = new Worker("/no/such/worker.js", { type: "module" });
  await expect(createOmni({ model: "/any", worker: missing })).rejects.toMatchObject({
    code: "internal_error",
    message: expect.stringContaining("worker did not start"),
  });
  const script = new Blob(["throw new Error('broken')"], { type: "text/javascript" });
  const broken = new Worker(URL.createObjectURL(script), { type: "module" });
  await expect(createOmni({ model: "/any", worker: broken })).rejects.toThrow("broken");
});

test.each([undefined, false] as const)(
  "the real runtime refuses what is no model (worker: %s)",
  async (worker) => {
    const model = new Blob(["This is a text, not a model. ".repeat(10)]);
    const loading = createOmni({ model, ...(worker === undefined ? {} : { worker }) });
    await expect(loading).rejects.toMatchObject({ name: "OmniError", code: "bad_model_file" });
  },
);
