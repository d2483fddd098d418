/** What routes have at hand. */

import type { Transcriber } from "../engine/speech/types.ts";
import type { Engine, EngineStats } from "../engine/types.ts";
import { invalidRequest, OmniError } from "../errors.ts";
import type { ChatTemplate } from "../text/types.ts";
import type { Capabilities } from "../types.ts";
import { type Json, optional, string } from "./fields.ts";

/** What is known of a model whatever it does. */
export interface ServedModel {
  readonly modelId: string;
  readonly contextLength: number;
  stats(): EngineStats;
}

export interface ServerContext {
  model: ServedModel;
  capabilities: Capabilities;
  /** When the model was loaded, in seconds since 1970. */
  createdAt: number;
  /** Why the GPU device is gone, once it is. */
  lostReason: string | undefined;
}

/** Of the routes of models that write. */
export interface ApiContext extends ServerContext {
  engine: Engine;
  chatTemplate: ChatTemplate;
}

/** Of the routes of models that hear. */
export interface SpeechContext extends ServerContext {
  transcriber: Transcriber;
}

export function modelNotFound(name: string): OmniError {
  const message = `The model '${name}' does not exist: GET /v1/models lists the one that is loaded.`;
  return new OmniError("not_found", message, { param: "model", detail: "model_not_found" });
}

/** A request may leave out the model: there is only one. */
export function checkModel({ model }: ServerContext, body: Json): void {
  const name = optional(body, "model", string);
  if (name && name !== model.modelId) throw modelNotFound(name);
}

/** A prompt that leaves no room in the context, in OpenAI's words. */
export function contextLengthExceeded(
  { contextLength }: Engine,
  promptLength: number,
  param: "messages" | "prompt",
): OmniError {
  return invalidRequest(
    `This model's maximum context length is ${contextLength} tokens. However, your ${param} resulted in ` +
      `${promptLength} tokens. Please reduce the length of the ${param}.`,
    param,
    "context_length_exceeded",
  );
}

/** An id such as `chatcmpl-3f2a…`. */
export function newId(prefix: string): string {
  return `${prefix}-${crypto.randomUUID().replaceAll("-", "")}`;
}

export const nowSeconds = () => Math.floor(Date.now() / 1000);
