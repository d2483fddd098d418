/** The fields that ask for structured output: OpenAI's `response_format`, vLLM's `structured_outputs` and `guided_*`. */

import { invalidRequest, OmniError } from "../errors.ts";
import type { CompiledGrammar, GrammarSource } from "../grammar/compile.ts";
import type { Tokenizer } from "../text/types.ts";
import {
  boolean,
  type Json,
  list,
  nonEmptyString,
  object,
  oneOf,
  optional,
  type Read,
  required,
  string,
  unsupported,
  wrongType,
} from "./fields.ts";

const maxChoices = 10_000;

/** What the answer has to match, if anything; at most one field may say so. */
export function readStructuredOutput(body: Json): GrammarSource | undefined {
  const asked: GrammarSource[] = [];
  const add = (source: GrammarSource | undefined) => source && asked.push(source);
  add(optional(body, "response_format", responseFormat));
  for (const source of optional(body, "structured_outputs", structuredOutputs) ?? []) add(source);
  add(optional(body, "guided_json", jsonSchema));
  add(optional(body, "guided_regex", regex));
  add(optional(body, "guided_grammar", grammar));
  add(optional(body, "guided_choice", choice));
  if (asked.length > 1)
    throw invalidRequest(
      `Only one field may ask for structured output, but '${asked[0]!.param}' and '${asked[1]!.param}' both do.`,
      asked[1]!.param,
      "invalid_value",
    );
  return asked[0];
}

/** The grammar engine, which is a chunk of its own: only requests that ask for it load it. */
export async function loadGrammar(): Promise<typeof import("../grammar/grammar.ts")> {
  try {
    return await import("../grammar/grammar.ts");
  } catch (cause) {
    throw new OmniError("internal_error", "The code for structured output could not be loaded.", { cause });
  }
}

/**
 * Loads the grammar engine and compiles.
 * @throws OmniError `invalid_request` that names the field
 */
export async function compileStructuredOutput(
  source: GrammarSource,
  tokenizer: Tokenizer,
): Promise<CompiledGrammar> {
  const { compileGrammar } = await loadGrammar();
  return compileGrammar(source, tokenizer);
}

const responseFormat: Read<GrammarSource | undefined> = (value, path) => {
  const format = object(value, path);
  const type = required(format, "type", oneOf("text", "json_object", "json_schema"), path);
  if (type === "text") return undefined;
  if (type === "json_object") return { kind: "json_object", param: path };
  const named = required(format, "json_schema", object, path);
  const place = `${path}.json_schema`;
  required(named, "name", schemaName, place);
  optional(named, "description", string, place);
  optional(named, "strict", boolean, place);
  return required(named, "schema", jsonSchema, place);
};

const schemaName: Read<string> = (value, path) => {
  const name = nonEmptyString(value, path);
  if (/^[a-zA-Z0-9_-]{1,64}$/.test(name)) return name;
  throw invalidRequest(
    `Invalid '${path}': expected up to 64 letters, digits, underscores and dashes.`,
    path,
    "invalid_value",
  );
};

const structuredOutputs: Read<GrammarSource[]> = (value, path) => {
  const fields = object(value, path);
  for (const key of ["structural_tag", "whitespace_pattern", "disable_any_whitespace"])
    if (fields[key] !== undefined && fields[key] !== null && fields[key] !== false)
      throw unsupported(`${path}.${key}`, `'${path}.${key}' is not supported.`);
  const sources = [
    optional(fields, "json", jsonSchema, path),
    optional(fields, "regex", regex, path),
    optional(fields, "grammar", grammar, path),
    optional(fields, "choice", choice, path),
    optional(fields, "json_object", boolean, path)
      ? ({ kind: "json_object", param: `${path}.json_object` } as const)
      : undefined,
  ].filter((source) => source !== undefined);
  if (sources.length === 0)
    throw invalidRequest(
      `'${path}' needs one of 'json', 'regex', 'grammar', 'choice' and 'json_object'.`,
      path,
      "missing_required_parameter",
    );
  return sources;
};

/** A schema, or its JSON text. */
const jsonSchema: Read<GrammarSource> = (value, path) => {
  let schema = value;
  if (typeof value === "string") {
    try {
      schema = JSON.parse(value);
    } catch {
      throw invalidRequest(`Invalid '${path}': the text is no JSON.`, path, "invalid_value");
    }
  }
  if (typeof schema !== "boolean" && (typeof schema !== "object" || schema === null || Array.isArray(schema)))
    throw wrongType(path, "a JSON schema", value);
  return { kind: "json_schema", schema, param: path };
};

const regex: Read<GrammarSource> = (value, path) => ({
  kind: "regex",
  pattern: nonEmptyString(value, path),
  param: path,
});

const grammar: Read<GrammarSource> = (value, path) => ({
  kind: "ebnf",
  grammar: nonEmptyString(value, path),
  param: path,
});

const choice: Read<GrammarSource> = (value, path) => ({
  kind: "choice",
  choices: list(nonEmptyString, 1, maxChoices)(value, path),
  param: path,
});
