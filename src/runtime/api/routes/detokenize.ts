/** `POST /detokenize` (vLLM): the text of tokens, special ones by name. */

import { type ApiContext, checkModel } from "../context.ts";
import { list, required } from "../fields.ts";
import { jsonResponse, readJson } from "../http.ts";
import { tokenId } from "../sampling.ts";

export async function detokenize(context: ApiContext, request: Request): Promise<Response> {
  const body = await readJson(request);
  checkModel(context, body);
  const { tokenizer } = context.engine;
  const tokens = required(body, "tokens", list(tokenId(tokenizer)));
  return jsonResponse({ prompt: tokenizer.decode(tokens, { skipSpecial: false }) });
}
