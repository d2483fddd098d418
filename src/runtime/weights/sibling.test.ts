import { afterEach, expect, test, vi } from "vitest";
import { readSibling, requireSibling } from "./sibling.ts";

afterEach(() => vi.unstubAllGlobals());

const files = [new File(['{"a":1}'], "config.json"), new File(["{"], "broken.json")];

test("among files that were picked together", async () => {
  const siblings = { model: new Blob(["x"]), files };
  expect(await readSibling(siblings, "config.json")).toEqual({ a: 1 });
  expect(await readSibling(siblings, "none.json")).toBeUndefined();
  await expect(readSibling(siblings, "broken.json")).rejects.toThrow(/broken\.json is not valid JSON/);
  expect(await requireSibling(siblings, "none.json", "config.json")).toEqual([{ a: 1 }, "config.json"]);
  const error = await requireSibling(siblings, "tokenizer.json", "vocab.json").catch((thrown) => thrown);
  expect(error).toMatchObject({ code: "invalid_request", param: "model" });
  expect(error.message).toMatch(/needs tokenizer\.json or vocab\.json/);
});

test.each([
  {
    model: "https://a.example/dir/model.safetensors?download=1",
    url: "https://a.example/dir/config.json?download=1",
  },
  {
    model: "hf:openai/whisper-tiny@main/model.safetensors",
    url: "https://huggingface.co/openai/whisper-tiny/resolve/main/config.json",
  },
])("beside $model", async ({ model, url }) => {
  const fetched: string[] = [];
  vi.stubGlobal("fetch", async (address: URL) => {
    fetched.push(String(address));
    return String(address) === url ? new Response('{"b":2}') : new Response("", { status: 404 });
  });
  const siblings = { model, files: [] };
  expect(await readSibling(siblings, "config.json")).toEqual({ b: 2 });
  expect(await readSibling(siblings, "generation_config.json")).toBeUndefined();
  await expect(requireSibling(siblings, "vocab.json")).rejects.toMatchObject({ code: "bad_model_file" });
  expect(fetched[0]).toBe(url);
});

test("a server that fails is no missing file", async () => {
  vi.stubGlobal("fetch", async () => new Response("", { status: 403 }));
  const siblings = { model: "https://a.example/model.safetensors", files: [] };
  await expect(readSibling(siblings, "config.json")).rejects.toMatchObject({ code: "download_failed" });
});
