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
import { type ContentPart, contentPart } from "./parts.ts";

const role = oneOf("system", "developer", "user", "assistant", "tool");

/** A message whose pictures and sounds have not been fetched. */
export type ReadMessage = Pick<TemplateMessage, "role"> & {
  content: string | null | ContentPart[];
};

/** A request's `messages`. */
export const messages: Read<ReadMessage[]> = list((value, path) => message(value, path), 1);

const message: Read<ReadMessage> = (value, path) => {
  const fields = object(value, path);
  const from = required(fields, "role", role, path);
  const toolCalls = from === "assistant" ? optional(fields, "tool_calls", list(toolCall), path) : undefined;
  const text = optional(fields, "content", content, path);
  const other = typeof text === "object" ? text.findIndex(({ type }) => type === "media") : -1;
  if (from === "assistant" && other >= 0)
    throw unsupported(`${path}.content`, `'${path}.content': what the assistant said is text.`);
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

/**
 * A string, or parts. Text parts beside each other are joined by line breaks (as vLLM does for templates that take
 * strings), and are a string where there is nothing else.
 */
const content: Read<string | ContentPart[]> = (value, path) => {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return string(value, path);
  const parts: ContentPart[] = [];
  for (const part of list(contentPart)(value, path)) {
    const last = parts.at(-1);
    if (part.type === "text" && last?.type === "text") last.text += `\n${part.text}`;
    else parts.push({ ...part });
  }
  if (parts.length === 0) return "";
  return parts.length === 1 && parts[0]!.type === "text" ? parts[0]!.text : parts;
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
