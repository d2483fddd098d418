/** Real vocabularies for tests: the embedded model's, OpenAI's largest, and a small one of SentencePiece's kind. */

import { readFileSync } from "node:fs";
import path from "node:path";
import { metadataFromRanks, type RankedToken } from "../../text/rankedVocabulary.ts";
import { createTokenizer } from "../../text/tokenizer.ts";
import type { Tokenizer } from "../../text/types.ts";
import { BlobSource } from "../../weights/blobSource.ts";
import { readGgufHeader } from "../../weights/gguf.ts";
import { SourceReader } from "../../weights/reader.ts";

/** The tokenizer of `public/models/omni-tiny.gguf`. */
export async function embeddedTokenizer(): Promise<Tokenizer> {
  const file = path.resolve(import.meta.dirname, "../../../../public/models/omni-tiny.gguf");
  const reader = new SourceReader(new BlobSource(new Blob([readFileSync(file)])), undefined);
  const { metadata } = await readGgufHeader(reader);
  await reader.close();
  return createTokenizer(metadata);
}

/** The first `size` tokens of a vocabulary of OpenAI's; `o200k_base` has 199,998. */
export async function largeTokenizer(size = 199_998): Promise<Tokenizer> {
  const { default: ranks } = await import("gpt-tokenizer/bpeRanks/o200k_base");
  const metadata = metadataFromRanks((ranks as readonly RankedToken[]).slice(0, size), "gpt-4o", [
    "<|endoftext|>",
  ]);
  // Merges are for encoding only, and many.
  metadata.set("tokenizer.ggml.merges", []);
  return createTokenizer(metadata);
}

const pieces =
  '▁ ▁▁ ▁{ { } [ ] " : , ": ": ", "} ]} a b c d e n t r u l s o i m p 0 1 2 3 4 5 6 7 8 9 10 25 . - name ▁name true false null ▁true ▁" \\ é 中 <';

/** Words, and byte tokens for all else. */
export function sentencePieceTokenizer(): Tokenizer {
  const words = [...new Set(pieces.split(" "))];
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, "0")}>`);
  return createTokenizer(
    new Map<string, unknown>([
      ["tokenizer.ggml.model", "llama"],
      ["tokenizer.ggml.tokens", ["<unk>", "<s>", "</s>", ...bytes, ...words]],
      ["tokenizer.ggml.token_type", [2, 3, 3, ...bytes.map(() => 6), ...words.map(() => 1)]],
      ["tokenizer.ggml.scores", [0, 0, 0, ...bytes.map(() => 0), ...words.map((_, i) => -i)]],
    ]),
  );
}
