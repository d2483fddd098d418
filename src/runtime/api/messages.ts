/** Chat messages: OpenAI's shapes in, the template's shape out. */

import { invalidRequest } from "../errors.ts";
import type { TemplateMessage } from "../text/types.ts";
import {
  type Json,
  list,
  object,
  oneOf,
  optional,
  type Read,
  required,
  string,
  unsupported,
} from "./fields.ts";

const role = oneOf("system", "developer", "user", "assistant", "tool");

/** A request's `messages`. */
export const messages: Read<TemplateMessage[]> = list((value, path) => message(value, path), 1);

const message: Read<TemplateMessage> = (value, path) => {
  const fields = object(value, path);
  const from = required(fields, "role", role, path);
  const toolCalls = from === "assistant" ? optional(fields, "tool_calls", list(toolCall), path) : undefined;
  const text = optional(fields, "content", content, path);
  if (text === undefined && !toolCalls?.length) {
    const where = `${path}.content`;
    if (fields.content === undefined)
      throw invalidRequest(`Missing required parameter: '${where}'.`, where, "missing_required_parameter");
    throw invalidRequest(`Invalid '${where}': expected a string, but got null.`, where, "invalid_type");
  }
  const name = optional(fields, "name", string, path);
  const toolCallId = from === "tool" ? optional(fields, "tool_call_id", string, path) : undefined;
  const reasoning =
    optional(fields, "reasoning_content", string, path) ?? optional(fields, "reasoning", string, path);
  return {
    // OpenAI's newer name for the system's role; chat templates know the older one.
    role: from === "developer" ? "system" : from,
    content: text ?? null,
    ...(name === undefined ? {} : { name }),
    ...(toolCalls?.length ? { tool_calls: toolCalls } : {}),
    ...(toolCallId === undefined ? {} : { tool_call_id: toolCallId }),
    ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
  };
};

/** A string, or text parts, which are joined by line breaks (as vLLM does for templates that take strings). */
const content: Read<string> = (value, path) => {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return string(value, path);
  return list(textPart)(value, path).join("\n");
};

const textPart: Read<string> = (value, path) => {
  const part = object(value, path);
  const type = required(part, "type", string, path);
  if (type === "text" || type === "refusal") return required(part, type, string, path);
  throw unsupported(
    `${path}.type`,
    `Invalid '${path}.type': this model takes text only, but got a part of type '${type.slice(0, 40)}'.`,
  );
};

/** An earlier call of a tool. Arguments that are JSON become values: templates write them out themselves. */
const toolCall: Read<Json> = (value, path) => {
  const call = object(value, path);
  const called = required(call, "function", object, path);
  required(called, "name", string, `${path}.function`);
  const written = required(called, "arguments", string, `${path}.function`);
  return { ...call, function: { ...called, arguments: parsed(written) } };
};

function parsed(json: string): unknown {
  try {
    return json === "" ? {} : JSON.parse(json);
  } catch {
    return json;
  }
}

/** A request's `tools`: functions with a name. */
export const tools: Read<Json[]> = list((value, path) => {
  const tool = object(value, path);
  required(tool, "type", oneOf("function"), path);
  required(required(tool, "function", object, path), "name", string, `${path}.function`);
  return tool;
});
