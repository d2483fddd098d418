import { describe, expect, it } from "vitest";
import { choiceName, parseModelAddress, suggestions } from "./models.ts";

const page = "https://example.org/omnitab/index.html";

describe("parseModelAddress", () => {
  it.each([
    [" hf:Qwen/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0.gguf ", "hf:Qwen/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0.gguf"],
    ["HF:a/b@main/sub/c.GGUF", "hf:a/b@main/sub/c.GGUF"],
    ["https://host.example/m.gguf?download=true", "https://host.example/m.gguf?download=true"],
    ["models/other.gguf", "https://example.org/omnitab/models/other.gguf"],
    ["hf:ggerganov/whisper.cpp/ggml-tiny.bin", "hf:ggerganov/whisper.cpp/ggml-tiny.bin"],
    ["whisper/model.safetensors?v=2", "https://example.org/omnitab/whisper/model.safetensors?v=2"],
    [
      "https://huggingface.co/Qwen/Qwen3-0.6B-GGUF/blob/main/Qwen3-0.6B-Q8_0.gguf",
      "https://huggingface.co/Qwen/Qwen3-0.6B-GGUF/resolve/main/Qwen3-0.6B-Q8_0.gguf",
    ],
  ])("takes %j", (text, address) => {
    expect(parseModelAddress(text, page)).toBe(address);
  });

  it.each([
    [""],
    ["qwen"],
    ["hf:"],
    ["hf:owner/repo"],
    ["hf:owner/file.gguf"],
    ["hf:owner/repo/readme.md"],
    ["page.html"],
    ["javascript:alert(1)//x.gguf"],
  ])("refuses %j", (text) => {
    expect(parseModelAddress(text, page)).toBeUndefined();
  });

  it.each([
    ["file:///tmp/m.gguf"],
    ["data:,x.gguf"],
    ["blob:https://a/b.gguf"],
    ["https://"],
    ["two words.gguf"],
  ])("refuses %j", (text) => {
    expect(parseModelAddress(text, page)).toBeUndefined();
  });

  it("takes every suggestion as it is", () => {
    for (const { url } of suggestions) expect(parseModelAddress(url, page)).toBe(url);
  });
});

describe("choiceName", () => {
  it("is the file's name", () => {
    expect(choiceName({ kind: "builtin" })).toBe("omni-tiny");
    expect(choiceName({ kind: "url", url: "hf:o/r/Some-Model-Q8_0.gguf" })).toBe("Some-Model-Q8_0");
    expect(choiceName({ kind: "url", url: "https://h/a%20b.gguf?x=/y#z" })).toBe("a b");
    expect(choiceName({ kind: "url", url: "https://h/%zz.gguf" })).toBe("%zz");
    expect(choiceName({ kind: "url", url: "hf:o/r/ggml-tiny.en.bin" })).toBe("ggml-tiny.en");
    expect(choiceName({ kind: "file", file: new File([], "mine.gguf") })).toBe("mine");
  });
});
