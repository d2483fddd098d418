/** `POST /tokenize` (vLLM): the tokens of a raw prompt or of a conversation. */

import { type ApiContext, checkModel } from "../context.ts";
import { boolean, optional, required, string } from "../fields.ts";
import { jsonResponse, readJson } from "../http.ts";
import { tokenText } from "../logprobs.ts";
import { chatPrompt } from "../prompt.ts";

/**
 * With `prompt`: as `/v1/completions` reads it, special tokens included; `add_special_tokens` (default true)
 * adds the begin-of-text token. With `messages`: as `/v1/chat/completions` reads them.
 */
export async function tokenize(context: ApiContext, request: Request): Promise<Response> {
  const body = await readJson(request);
  checkModel(context, body);
  const { tokenizer, contextLength } = context.engine;
  const withStrings = optional(body, "return_token_strs", boolean) ?? false;
  const addBos = optional(body, "add_special_tokens", boolean) ?? true;
  let tokens: number[];
  if (body.messages === undefined)
    tokens = tokenizer.encode(required(body, "prompt", string), { special: true, addBos });
  else {
    const prompt = await chatPrompt(context, body, { signal: request.signal });
    prompt.release();
    tokens = prompt.tokens;
  }
  return jsonResponse({
    count: tokens.length,
    max_model_len: contextLength,
    tokens,
    // Rows of pictures and sounds have numbers above the vocabulary, and no text.
    token_strs: withStrings
      ? tokens.map((token) => (token < tokenizer.vocabSize ? tokenText(tokenizer, token) : ""))
      : null,
  });
}
