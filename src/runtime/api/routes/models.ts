/** `GET /v1/models` and `GET /v1/models/{id}`: the one model that is loaded. */

import { type ApiContext, modelNotFound } from "../context.ts";
import { jsonResponse } from "../http.ts";

function model({ engine, createdAt }: ApiContext) {
  return {
    id: engine.modelId,
    object: "model",
    created: createdAt,
    owned_by: "omnitab",
    max_model_len: engine.contextLength, // vLLM's name
  };
}

export function listModels(context: ApiContext): Response {
  return jsonResponse({ object: "list", data: [model(context)] });
}

/** `id` may contain slashes. */
export function retrieveModel(context: ApiContext, id: string): Response {
  if (id !== context.engine.modelId) throw modelNotFound(id);
  return jsonResponse(model(context));
}
