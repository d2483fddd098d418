/** The keywords of JSON schemas (draft 2020-12) that are enforced, and a refusal of all others. */

import { invalidRequest, type OmniError } from "../../errors.ts";

export type JsonObject = Record<string, unknown>;

/** A schema at its place in the whole, such as `#/properties/name`. */
export interface Place {
  schema: unknown;
  path: string;
}

/** Say nothing about which values are valid. */
const annotations = new Set([
  ..."title description default examples example $comment $schema deprecated readOnly writeOnly".split(" "),
  ..."contentEncoding contentMediaType discriminator externalDocs $defs definitions".split(" "),
]);

/** Each with what its value has to be. */
const enforced: Record<string, (value: unknown) => boolean> = {
  $ref: isString,
  type: (value) => (Array.isArray(value) && value.length > 0 ? value : [value]).every(isType),
  enum: (value) => Array.isArray(value) && value.length > 0,
  const: () => true,
  anyOf: isSchemaList,
  oneOf: isSchemaList,
  allOf: isSchemaList,
  minimum: isNumber,
  maximum: isNumber,
  exclusiveMinimum: isNumber,
  exclusiveMaximum: isNumber,
  multipleOf: (value) => isNumber(value) && (value as number) > 0,
  minLength: isCount,
  maxLength: isCount,
  pattern: isString,
  format: isString,
  properties: isSchemaMap,
  patternProperties: isSchemaMap,
  additionalProperties: isSchema,
  propertyNames: isSchema,
  required: (value) => Array.isArray(value) && value.every(isString),
  minProperties: isCount,
  maxProperties: isCount,
  items: isSchema,
  prefixItems: isSchemaList,
  minItems: isCount,
  maxItems: isCount,
  uniqueItems: (value) => typeof value === "boolean",
};

export const types = ["object", "array", "string", "integer", "number", "boolean", "null"] as const;
export type Type = (typeof types)[number];

/** An integer is a number. */
export function commonTypes(a: ReadonlySet<Type>, b: ReadonlySet<Type>): Set<Type> {
  const has = (set: ReadonlySet<Type>, type: Type) =>
    set.has(type) || (type === "integer" && set.has("number"));
  return new Set([...a, ...b].filter((type) => has(a, type) && has(b, type)));
}

function isType(value: unknown): boolean {
  return (types as readonly unknown[]).includes(value);
}

function isString(value: unknown): boolean {
  return typeof value === "string";
}

function isNumber(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSchema(value: unknown): boolean {
  return typeof value === "boolean" || isObject(value);
}

function isSchemaList(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isSchema);
}

function isSchemaMap(value: unknown): boolean {
  return isObject(value) && Object.values(value).every(isSchema);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export class SchemaErrors {
  constructor(readonly param: string) {}

  /** What is wrong with the schema at `path`, or cannot be enforced. */
  at(path: string, what: string): OmniError {
    return invalidRequest(
      `Invalid schema for '${this.param}': at '${path.length > 200 ? `${path.slice(0, 200)}…` : path}', ${what}.`,
      this.param,
      "invalid_json_schema",
    );
  }

  /** @throws OmniError where the schema has a keyword that is unknown, ill-formed or not enforced */
  check({ schema, path }: Place): void {
    if (!isSchema(schema)) throw this.at(path, "a schema has to be an object or a boolean");
    if (typeof schema === "boolean") return;
    for (const [keyword, value] of Object.entries(schema as JsonObject)) {
      if (annotations.has(keyword) || keyword.startsWith("x-")) continue;
      if (keyword === "$id" && path === "#") continue;
      if (!Object.hasOwn(enforced, keyword))
        throw this.at(path, `the keyword '${keyword.slice(0, 40)}' is not supported`);
      if (!enforced[keyword]!(value)) throw this.at(path, `the value of '${keyword}' is invalid`);
    }
  }
}
