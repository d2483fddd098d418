/** `GET /v1/models` and `GET /v1/models/{id}`: the one model that is loaded. */

import { modelNotFound, type ServerContext } from "../context.ts";
import { jsonResponse } from "../http.ts";

function model({ model, createdAt, capabilities }: ServerContext) {
  return {
    id: model.modelId,
    object: "model",
    created: createdAt,
    owned_by: "omnitab",
    max_model_len: model.contextLength, // vLLM's name
    // As OpenRouter lists them.
    input_modalities: capabilities.input,
    output_modalities: capabilities.output,
  };
}

export function listModels(context: ServerContext): Response {
  return jsonResponse({ object: "list", data: [model(context)] });
}

/** `id` may contain slashes. */
export function retrieveModel(context: ServerContext, id: string): Response {
  if (id !== context.model.modelId) throw modelNotFound(id);
  return jsonResponse(model(context));
}
