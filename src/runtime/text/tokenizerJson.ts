/** The ordinary tokens in Hugging Face's `tokenizer.json` or `vocab.json` of a byte-level vocabulary. */

import { badModelFile } from "../errors.ts";
import { spelledBytes } from "./byteLevel.ts";

const maxTokens = 1_000_000;

/**
 * Bytes of the tokens before <|endoftext|>, by id.
 * @param fileName for messages
 * @throws OmniError `bad_model_file` naming the file and what it lacks
 */
export function ordinaryTokens(json: unknown, fileName: string): Uint8Array[] {
  const fail = (problem: string) => badModelFile(`${fileName}: ${problem}.`, fileName);
  if (!isObject(json)) throw fail("not a JSON object");
  const vocab = isObject(json.model) ? json.model.vocab : json;
  if (!isObject(vocab)) throw fail("it has no vocabulary (model.vocab)");
  const entries = new Map<string, unknown>(Object.entries(vocab));
  if (Array.isArray(json.added_tokens))
    for (const added of json.added_tokens)
      if (isObject(added) && typeof added.content === "string") entries.set(added.content, added.id);
  const end = entries.get("<|endoftext|>") ?? entries.size;
  if (typeof end !== "number" || !Number.isInteger(end) || end < 1 || end > Math.min(entries.size, maxTokens))
    throw fail(`<|endoftext|> is token ${String(end)} of ${entries.size}`);
  const tokens: Uint8Array[] = new Array(end);
  for (const [text, id] of entries) {
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0)
      throw fail(`token ${JSON.stringify(text)} has no id`);
    if (id < end) tokens[id] = spelledBytes(text);
  }
  for (let id = 0; id < end; id++) if (!tokens[id]) throw fail(`there is no token ${id}`);
  return tokens;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
