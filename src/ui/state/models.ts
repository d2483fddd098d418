/** Which model the user means, and what to call it. */

export type ModelChoice = { kind: "builtin" } | { kind: "url"; url: string } | { kind: "file"; file: File };

/** The embedded demo model, relative to the page. */
export const builtinUrl = "models/omni-tiny.gguf";
/** What makes it see and hear. */
export const builtinProjectorUrl = "models/omni-tiny-mmproj.gguf";

export interface Suggestion {
  /** A Hugging Face reference. */
  url: string;
  name: string;
  sizeBytes: number;
  about: "smallest" | "balanced" | "reasoning" | "largest";
}

/** Models known to run: architectures llama and qwen3, every tensor in a supported type. */
export const suggestions: readonly Suggestion[] = [
  {
    url: "hf:bartowski/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct-Q8_0.gguf",
    name: "SmolLM2 135M",
    sizeBytes: 145e6,
    about: "smallest",
  },
  {
    url: "hf:bartowski/SmolLM2-360M-Instruct-GGUF/SmolLM2-360M-Instruct-Q8_0.gguf",
    name: "SmolLM2 360M",
    sizeBytes: 386e6,
    about: "balanced",
  },
  {
    url: "hf:Qwen/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0.gguf",
    name: "Qwen3 0.6B",
    sizeBytes: 639e6,
    about: "reasoning",
  },
  {
    url: "hf:bartowski/Llama-3.2-1B-Instruct-GGUF/Llama-3.2-1B-Instruct-Q8_0.gguf",
    name: "Llama 3.2 1B",
    sizeBytes: 1.32e9,
    about: "largest",
  },
];

/** Whether a file is a model by its name: GGUF, or Whisper's two kinds. */
export function isModelFile(name: string): boolean {
  return /\.(gguf|bin|safetensors)$/i.test(name);
}

/** A short name to show before the model itself says what it is called. */
export function choiceName(choice: ModelChoice): string {
  if (choice.kind === "file") return stripExtension(choice.file.name);
  const address = choice.kind === "builtin" ? builtinUrl : choice.url;
  const path = address.replace(/[?#].*$/, "");
  let last = path.slice(path.lastIndexOf("/") + 1);
  try {
    last = decodeURIComponent(last);
  } catch {
    // A stray percent sign.
  }
  return stripExtension(last) || address;
}

function stripExtension(name: string): string {
  return isModelFile(name) ? name.replace(/\.\w+$/, "") : name;
}

/**
 * What was typed as the address of a model file: `hf:owner/repo/file.gguf`, an http(s) URL, or a path relative to the page
 * (`baseUrl`). The page of a file on Hugging Face stands for the file. Undefined if it is none of these.
 */
export function parseModelAddress(text: string, baseUrl: string): string | undefined {
  const trimmed = text.trim();
  if (/\s/.test(trimmed)) return undefined;
  if (/^hf:/i.test(trimmed)) {
    const reference = trimmed.slice(3);
    const isReference = /^[\w.-]+\/[\w.-]+(@[\w.%-]+)?\/./.test(reference);
    return isReference && isModelFile(reference) ? `hf:${reference}` : undefined;
  }
  const hasScheme = /^[a-z][a-z0-9+.-]*:/i.test(trimmed);
  if (!hasScheme && !isModelFile(trimmed.replace(/\?.*$/, ""))) return undefined;
  let url: URL;
  try {
    url = new URL(trimmed, baseUrl);
  } catch {
    return undefined;
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return undefined;
  if (url.hostname === "huggingface.co")
    url.pathname = url.pathname.replace(/^(\/[^/]+\/[^/]+)\/blob\//, "$1/resolve/");
  return url.href;
}
