import { expect, test } from "vitest";
import { createOmni, omniOver } from "./client.ts";
import { fakeLoad } from "./testing/fakeLoad.ts";
import { describeOmni } from "./testing/omniSuite.ts";

describeOmni("in the calling thread", async (model) => omniOver(await fakeLoad({ model }, {})));

test.each([undefined, null, "", 5, {}])("%j is no model", async (model) => {
  await expect(createOmni({ model: model as string })).rejects.toMatchObject({
    code: "invalid_request",
    param: "model",
  });
});

test("the symbol for `await using` disposes", async () => {
  const omni = omniOver(await fakeLoad({ model: "any" }, {}));
  expect(omni[Symbol.asyncDispose]).toBe(omni.dispose);
  await omni[Symbol.asyncDispose]();
  await expect(omni.fetch("/v1/models")).rejects.toMatchObject({ code: "aborted" });
});
