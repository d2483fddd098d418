/** A form with a file as the fields that readers of JSON know: `multipart/form-data` has nothing but texts. */

import { invalidRequest } from "../../errors.ts";
import type { Json } from "../fields.ts";

/** Fields that are numbers, booleans, lists; a text that is none is left for the reader to refuse. */
const numbers = new Set(["temperature"]);
const booleans = new Set(["stream"]);
const lists = new Set(["timestamp_granularities"]);

/** @throws OmniError `invalid_request` where it is no form, or has no file */
export async function readForm(request: Request): Promise<{ file: Blob; values: Json }> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^multipart\/form-data/i.test(type))
    throw invalidRequest(
      `The request's content type is '${type.slice(0, 60)}'; audio comes as multipart/form-data with a field 'file'.`,
      undefined,
      "unsupported_content_type",
    );
  let form: FormData;
  try {
    form = await request.formData();
  } catch (cause) {
    request.signal.throwIfAborted();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw invalidRequest(`The body of the request is not valid multipart/form-data: ${why}`);
  }
  const values: Json = {};
  for (const key of new Set(form.keys())) {
    const name = key.replace(/\[\d*\]$/, "");
    const all = form.getAll(key);
    if (lists.has(name)) values[name] = [...((values[name] as unknown[]) ?? []), ...all];
    else values[name] = fieldValue(name, all.at(-1)!);
  }
  const { file, ...others } = values;
  if (file === undefined)
    throw invalidRequest("Missing required parameter: 'file'.", "file", "missing_required_parameter");
  if (!(file instanceof Blob))
    throw invalidRequest(
      "Invalid type for 'file': expected a file, but got a string instead.",
      "file",
      "invalid_type",
    );
  return { file, values: others };
}

function fieldValue(name: string, value: FormDataEntryValue): unknown {
  if (typeof value !== "string") return value;
  if (numbers.has(name) && value.trim() !== "" && !Number.isNaN(Number(value))) return Number(value);
  if (booleans.has(name) && /^(true|false)$/i.test(value)) return value.toLowerCase() === "true";
  return value;
}
