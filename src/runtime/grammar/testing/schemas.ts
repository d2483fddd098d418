/** JSON schemas of many kinds: by hand, and made up from a seed. */

import { mulberry, pick } from "./random.ts";

type Schema = Record<string, unknown> | boolean;

const node = {
  type: "object",
  properties: { value: { type: "integer" }, next: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] } },
  required: ["value", "next"],
  additionalProperties: false,
};
const shapes = {
  circle: {
    type: "object",
    properties: { kind: { const: "circle" }, radius: { type: "number", exclusiveMinimum: 0 } },
    required: ["kind", "radius"],
  },
  square: {
    type: "object",
    properties: { kind: { const: "square" }, side: { type: "number", minimum: 1, maximum: 9.5 } },
    required: ["kind", "side"],
  },
};

/** Each has values, and can be enforced. */
export const handWritten: Record<string, Schema> = {
  true: true,
  anything: {},
  "type of all": {
    type: ["string", "number", "boolean", "null", "array", "object"],
    maxLength: 4,
    maxItems: 2,
  },
  null: { type: "null" },
  boolean: { type: "boolean" },
  integer: { type: "integer" },
  number: { type: "number" },
  string: { type: "string" },
  "small integers": { type: "integer", minimum: -3, maximum: 12 },
  "negative integers": { type: "integer", maximum: -5 },
  "exclusive integers": { type: "integer", exclusiveMinimum: 1.5, exclusiveMaximum: 4 },
  "one integer": { type: "integer", minimum: 100, maximum: 100 },
  "large integers": { type: "integer", minimum: 987654, maximum: 12345678 },
  "unit interval": { type: "number", minimum: 0, maximum: 1 },
  "open interval": { type: "number", exclusiveMinimum: -0.25, exclusiveMaximum: 0.125 },
  "above a decimal": { type: "number", exclusiveMinimum: 2.7 },
  "below a tiny number": { type: "number", minimum: 0, maximum: 1e-7 },
  "around zero": { type: "number", exclusiveMinimum: 0, maximum: 0.1 },
  "below zero": { type: "number", exclusiveMaximum: 0 },
  "two bounds of a side": { type: "number", minimum: 2, exclusiveMinimum: 2, maximum: 2.5 },
  multiples: { type: "integer", multipleOf: 7, minimum: 0 },
  "multiples in bounds": { type: "integer", multipleOf: 25, minimum: -110, maximum: 990 },
  "numbers that are multiples": { type: "number", multipleOf: 3, maximum: 50, minimum: 10 },
  "common multiples": {
    allOf: [
      { type: "integer", multipleOf: 4 },
      { multipleOf: 6, minimum: 1, maximum: 99 },
    ],
  },
  length: { type: "string", minLength: 3, maxLength: 5 },
  "minimum length": { type: "string", minLength: 12 },
  "length beyond tokens": { type: "string", maxLength: 100_000 },
  "exact length": { type: "string", minLength: 2, maxLength: 2 },
  "empty string": { type: "string", maxLength: 0 },
  pattern: { type: "string", pattern: "^[A-Z]{2}-\\d{3,5}$" },
  "unanchored pattern": { type: "string", pattern: "fox", maxLength: 12 },
  "pattern and length": { type: "string", pattern: "^a[bc]*d$", minLength: 4, maxLength: 7 },
  "two patterns": { allOf: [{ pattern: "^[a-f]+$" }, { pattern: "b.*e" }], type: "string", maxLength: 9 },
  "pattern of quotes": { type: "string", pattern: '^["\\\\/\n]{1,3}$' },
  "pattern of other scripts": { type: "string", pattern: "^[α-ω一-龥😀-😎]{1,4}$" },
  "unicode property": { type: "string", pattern: "^\\p{Lu}\\p{Ll}{1,3}$" },
  "pattern of nothing else": { type: "string", pattern: "^[^a-z]{2}$" },
  ...Object.fromEntries(
    ["date", "time", "date-time", "duration", "uuid", "ipv4", "ipv6", "hostname", "email", "uri"].map(
      (format) => [`format ${format}`, { type: "string", format }],
    ),
  ),
  "format and pattern": { type: "string", format: "date", pattern: "^20[0-2]" },
  enum: { enum: ["red", "amber", 3, null, true, -1.5, { a: [1] }, 'quote"d', "line\nbreak", "é"] },
  "enum of a type": { type: "integer", enum: [1, "a", 2.5, 7] },
  "enum within bounds": { enum: [1, 5, 9, "x", "long text"], minimum: 4, maxLength: 3 },
  const: { const: { b: 1, a: ["x", null] } },
  "const and enum": { allOf: [{ enum: [{ a: 1, b: 2 }, 3] }, { const: { b: 2, a: 1 } }] },
  object: { type: "object" },
  "object of numbers": { type: "object", additionalProperties: { type: "integer" }, maxProperties: 3 },
  "closed object": {
    type: "object",
    properties: { a: { type: "boolean" }, b: { type: "null" } },
    required: ["b"],
    additionalProperties: false,
  },
  "no properties": { type: "object", additionalProperties: false },
  "optional properties": {
    type: "object",
    properties: Object.fromEntries(["a", "b", "c", "d", "e"].map((key) => [key, { type: "boolean" }])),
    required: ["c"],
  },
  "properties and others": {
    type: "object",
    properties: { name: { type: "integer" }, names: { type: "null" } },
    additionalProperties: { type: "string", maxLength: 3 },
    maxProperties: 4,
  },
  "required without a schema": { type: "object", required: ["x"], maxProperties: 1 },
  "required of others": {
    type: "object",
    required: ["x"],
    additionalProperties: { type: "integer", minimum: 1, maximum: 3 },
    maxProperties: 2,
  },
  "at least two": {
    type: "object",
    properties: { a: { type: "null" }, b: { type: "null" }, c: { type: "null" } },
    minProperties: 2,
  },
  "two of three": {
    type: "object",
    properties: { a: { type: "null" }, b: { type: "null" }, c: { type: "null" } },
    minProperties: 2,
    maxProperties: 2,
    additionalProperties: false,
  },
  "one that is not named": { type: "object", minProperties: 1, additionalProperties: { type: "null" } },
  "others to reach a minimum": { type: "object", properties: { a: { type: "null" } }, minProperties: 2 },
  "pattern properties": {
    type: "object",
    patternProperties: { "^n_": { type: "integer" }, "^s_": { maximum: 5, minLength: 1 } },
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 3,
  },
  "pattern beside a name": {
    type: "object",
    properties: { n_a: { minimum: 3 } },
    patternProperties: { "^n_": { type: "integer", maximum: 6 } },
    required: ["n_a"],
    maxProperties: 2,
  },
  "property names": {
    type: "object",
    propertyNames: { pattern: "^[a-c]{1,2}$" },
    additionalProperties: { type: "boolean" },
    maxProperties: 2,
  },
  "names of an enum": {
    type: "object",
    propertyNames: { enum: ["x", "y"] },
    additionalProperties: { type: "integer" },
    minProperties: 1,
  },
  "hard names": {
    type: "object",
    properties: {
      'a"b': { type: "null" },
      "c\\d\n": { type: "null" },
      __proto__x: { type: "null" },
      "": { type: "null" },
      é: { type: "null" },
    },
    required: ['a"b', "c\\d\n", "", "é"],
  },
  "a name of the prototype": JSON.parse(
    '{"type":"object","properties":{"__proto__":{"type":"integer"},"constructor":{"type":"null"}},"required":["constructor"]}',
  ),
  array: { type: "array" },
  "array of few": { type: "array", items: { type: "integer" }, minItems: 1, maxItems: 3 },
  "array of many": { type: "array", items: { type: "boolean" }, minItems: 5 },
  "no items": { type: "array", items: false },
  "array of arrays": {
    type: "array",
    items: { type: "array", items: { enum: [0, 1] }, maxItems: 2 },
    minItems: 1,
    maxItems: 2,
  },
  "unique items": { type: "array", items: { enum: ["a", "b", "c", 1] }, uniqueItems: true, minItems: 2 },
  "unique, one at most": { type: "array", items: { type: "string" }, uniqueItems: true, maxItems: 1 },
  tuple: {
    type: "array",
    prefixItems: [{ type: "integer" }, { enum: ["x", "y"] }],
    items: false,
    minItems: 2,
  },
  "tuple, open": {
    type: "array",
    prefixItems: [{ type: "boolean" }],
    items: { type: "null" },
    minItems: 2,
    maxItems: 4,
  },
  "tuple, more demanded": { type: "array", prefixItems: [{ type: "boolean" }], minItems: 2, maxItems: 2 },
  "tuple, short": { type: "array", prefixItems: [{ type: "boolean" }, { type: "null" }] },
  anyOf: { anyOf: [{ type: "integer", minimum: 5 }, { type: "string", maxLength: 2 }, { const: false }] },
  "anyOf beside keywords": {
    type: "object",
    properties: { a: { type: "integer" }, b: { type: "integer" } },
    anyOf: [{ required: ["a"] }, { required: ["b"] }],
  },
  "nested anyOf": {
    anyOf: [{ anyOf: [{ const: 1 }, { const: 2 }] }, { anyOf: [{ const: "a" }, { const: [] }] }],
  },
  "oneOf by type": { oneOf: [{ type: "integer" }, { type: "string", maxLength: 4 }, { type: "null" }] },
  "oneOf by kind": { oneOf: [shapes.circle, shapes.square] },
  "oneOf by bounds": {
    oneOf: [
      { type: "number", maximum: 3 },
      { type: "number", exclusiveMinimum: 3, maximum: 10 },
    ],
  },
  "oneOf by pattern": {
    oneOf: [
      { type: "string", pattern: "^a" },
      { type: "string", pattern: "^b..$" },
    ],
  },
  "oneOf by values": { oneOf: [{ enum: [1, 2] }, { enum: ["1", "2"] }, { type: "boolean" }] },
  allOf: {
    allOf: [
      { type: "object", properties: { a: { type: "integer" } }, required: ["a"] },
      { properties: { a: { minimum: 3, maximum: 8 }, b: { type: "null" } }, required: ["b"] },
    ],
  },
  "allOf of types": {
    allOf: [{ type: ["integer", "string", "null"] }, { type: ["number", "null"] }, { minimum: 0 }],
  },
  list: { $ref: "#/$defs/node", $defs: { node } },
  tree: {
    type: "object",
    properties: {
      name: { type: "string", maxLength: 3 },
      children: { type: "array", items: { $ref: "#" }, maxItems: 2 },
    },
    required: ["name", "children"],
  },
  "two that call each other": {
    $ref: "#/$defs/even",
    $defs: {
      even: {
        anyOf: [
          { const: "end" },
          { type: "array", items: { $ref: "#/$defs/odd" }, minItems: 1, maxItems: 1 },
        ],
      },
      odd: { type: "object", properties: { in: { $ref: "#/$defs/even" } }, required: ["in"] },
    },
  },
  "reference with keywords beside": {
    $defs: { "a/b~": { type: "integer", minimum: 2 } },
    $ref: "#/$defs/a~1b~0",
    maximum: 6,
  },
  "implied types": { properties: { a: { items: { maxLength: 2 }, maxItems: 2 } }, required: ["a"] },
  annotations: {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "t",
    description: "d",
    type: "string",
    maxLength: 3,
    default: "x",
    examples: ["y"],
    deprecated: false,
    "x-own": { a: 1 },
  },
  "a profile": {
    type: "object",
    properties: {
      id: { type: "string", format: "uuid" },
      email: { type: "string", format: "email" },
      born: { type: "string", format: "date" },
      roles: { type: "array", items: { enum: ["admin", "user"] }, uniqueItems: true },
      address: {
        type: "object",
        properties: {
          street: { type: "string", minLength: 1, maxLength: 9 },
          zip: { type: "string", pattern: "^\\d{5}$" },
        },
        required: ["zip"],
        additionalProperties: false,
      },
      score: { type: ["number", "null"], minimum: 0, maximum: 100 },
    },
    required: ["id", "email", "roles", "address", "score"],
    additionalProperties: false,
  },
};

/** Refused, and why. */
export const refused: Record<string, [schema: Schema, reason: RegExp]> = {
  false: [false, /no text can match/],
  not: [{ not: { type: "string" } }, /at '#', the keyword 'not'/],
  if: [{ properties: { a: { if: {}, else: {} } } }, /'#\/properties\/a', the keyword 'if'/],
  contains: [{ type: "array", contains: {} }, /'contains'/],
  unknown: [{ type: "string", minLenght: 3 }, /'minLenght'/],
  nullable: [{ type: "string", nullable: true }, /'nullable'/],
  unevaluated: [{ unevaluatedProperties: false }, /'unevaluatedProperties'/],
  dependent: [{ dependentRequired: { a: ["b"] } }, /'dependentRequired'/],
  "unique objects": [
    { type: "array", items: { type: "object" }, uniqueItems: true },
    /'uniqueItems' is only supported/,
  ],
  "decimal multiples": [{ type: "number", multipleOf: 0.01 }, /'multipleOf' 0.01/],
  "unknown format": [{ type: "string", format: "isbn" }, /format 'isbn'/],
  "look-ahead": [{ type: "string", pattern: "^(?!a)" }, /look-ahead/],
  "wrong pattern": [{ type: "string", pattern: "(" }, /'\)' is missing/],
  "overlapping oneOf": [
    { oneOf: [{ type: "integer" }, { type: "number" }] },
    /alternatives 0 and 1 may both/,
  ],
  "oneOf without a kind": [
    { oneOf: [{ properties: { a: {} } }, { properties: { b: {} } }] },
    /'#\/oneOf', the alternatives/,
  ],
  "remote reference": [{ $ref: "https://example.org/x.json" }, /'\$ref' is 'https:/],
  "missing reference": [{ $ref: "#/$defs/none" }, /where there is nothing/],
  "endless reference": [{ $ref: "#" }, /refers to itself/],
  "endless references": [
    { $defs: { a: { $ref: "#/$defs/b" }, b: { allOf: [{ $ref: "#/$defs/a" }] } }, $ref: "#/$defs/a" },
    /refers to itself/,
  ],
  "endless object": [
    { type: "object", properties: { a: { $ref: "#" } }, required: ["a"] },
    /no text can match/,
  ],
  "empty bounds": [{ type: "integer", minimum: 3, maximum: 2 }, /no text can match/],
  "no multiple": [{ type: "integer", minimum: 8, maximum: 13, multipleOf: 7 }, /no text can match/],
  "empty length": [{ type: "string", pattern: "^abc$", maxLength: 2 }, /no text can match/],
  "forbidden demand": [{ type: "object", required: ["a"], additionalProperties: false }, /no text can match/],
  "too few names": [
    { type: "object", propertyNames: { enum: ["a"] }, minProperties: 3 },
    /no text can match/,
  ],
  "too many demanded": [{ required: ["a", "b"], maxProperties: 1 }, /no text can match/],
  "wrong type": [{ type: "int" }, /value of 'type'/],
  "wrong required": [{ required: "a" }, /value of 'required'/],
  "empty enum": [{ enum: [] }, /value of 'enum'/],
  "wrong schema": [{ items: 3 } as never, /value of 'items'/],
};

/** A schema from a seed. Some have no values or cannot be enforced; then they have to be refused. */
export function randomSchema(seed: number): Schema {
  const random = mulberry(seed);
  const upTo = (n: number) => Math.floor(random() * (n + 1));
  const maybe = (chance: number) => random() < chance;
  const words = ["id", "name", "n", "nam", "tags", "a b", "é", 'q"', "x_1", "value"];

  const number = (type: "integer" | "number"): Schema => {
    const low = Math.round((random() - 0.5) * 2000) / pick(random, [1, 10, 100]);
    return {
      type,
      ...(maybe(0.5) ? { [pick(random, ["minimum", "exclusiveMinimum"])]: low } : {}),
      ...(maybe(0.5) ? { [pick(random, ["maximum", "exclusiveMaximum"])]: low + upTo(500) / 4 } : {}),
      ...(maybe(0.2) ? { multipleOf: pick(random, [2, 3, 10, 12, 0.5]) } : {}),
    };
  };
  const string = (): Schema => {
    const min = upTo(4);
    return {
      type: "string",
      ...(maybe(0.4) ? { minLength: min } : {}),
      ...(maybe(0.5) ? { maxLength: min + upTo(9) } : {}),
      ...(maybe(0.3)
        ? { pattern: pick(random, ["^[a-z]+$", "\\d", "^(ab|cd)*e?$", "[^x]y", "^.\\.?$", "é|\\s"]) }
        : {}),
      ...(maybe(0.1) ? { format: pick(random, ["date", "uuid", "ipv4", "email", "color"]) } : {}),
    };
  };
  const object = (depth: number): Schema => {
    const names = words.filter(() => maybe(0.35));
    return {
      type: "object",
      ...(maybe(0.9)
        ? { properties: Object.fromEntries(names.map((name) => [name, schema(depth - 1)])) }
        : {}),
      ...(maybe(0.7) ? { required: words.filter((name) => names.includes(name) && maybe(0.5)) } : {}),
      ...(maybe(0.6) ? { additionalProperties: maybe(0.5) ? false : schema(depth - 1) } : {}),
      ...(maybe(0.1) ? { minProperties: upTo(3) } : {}),
      ...(maybe(0.2) ? { maxProperties: 1 + upTo(3) } : {}),
      ...(maybe(0.1) ? { patternProperties: { [pick(random, ["^n", "e$", "_"])]: schema(depth - 1) } } : {}),
      ...(maybe(0.1) ? { propertyNames: { maxLength: 3 + upTo(5) } } : {}),
    };
  };
  const array = (depth: number): Schema => {
    const min = upTo(2);
    return {
      type: "array",
      ...(maybe(0.8) ? { items: schema(depth - 1) } : {}),
      ...(maybe(0.2) ? { prefixItems: [schema(depth - 1), schema(depth - 1)] } : {}),
      ...(maybe(0.5) ? { minItems: min } : {}),
      ...(maybe(0.7) ? { maxItems: min + upTo(3) } : {}),
      ...(maybe(0.1) ? { uniqueItems: true } : {}),
    };
  };
  const value = (): unknown => pick(random, ["a", "b c", 1, -2.5, true, null, [1, "x"], { k: 1 }, 40, "é"]);
  const schema = (depth: number): Schema => {
    const kinds = [
      () => number("integer"),
      () => number("number"),
      string,
      () => ({ type: pick(random, ["boolean", "null"]) }),
      () => ({ enum: [value(), value(), value()] }),
      () => ({ const: value() }),
      () => ({ type: ["string", "integer", "null"], maxLength: 3, minimum: 0, maximum: 44 }),
    ];
    if (depth > 0)
      kinds.push(
        () => object(depth),
        () => object(depth),
        () => array(depth),
        () => array(depth),
        () => ({ anyOf: [schema(depth - 1), schema(depth - 1)] }),
        () => ({ oneOf: [schema(depth - 1), schema(depth - 1)] }),
        () => ({
          allOf: [schema(depth - 1), pick(random, [{}, string(), number("number"), object(depth - 1)])],
        }),
        () => ({ $ref: pick(random, ["#/$defs/a", "#/$defs/b"]) }),
      );
    return pick(random, kinds)();
  };
  const root = pick(random, [() => object(3), () => object(3), () => array(3), () => schema(2)])();
  return typeof root === "boolean"
    ? root
    : { ...root, $defs: { a: schema(1), b: { anyOf: [schema(1), { type: "null" }] } } };
}
