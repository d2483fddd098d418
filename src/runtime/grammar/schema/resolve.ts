/** Takes `$ref`, `allOf`, `anyOf` and `oneOf` out of schemas: what is left are alternatives of plain constraints. */

import { limits } from "../limits.ts";
import {
  commonTypes,
  isObject,
  type JsonObject,
  type Place,
  type SchemaErrors,
  type Type,
} from "./keywords.ts";

/** `properties` and its kin speak of each other, so those of one schema stay together. */
export interface ObjectGroup {
  properties: ReadonlyMap<string, Place>;
  patternProperties: readonly (readonly [pattern: string, schema: Place])[];
  additional: Place | undefined;
}

export interface ArrayGroup {
  prefix: readonly Place[];
  items: Place | undefined;
}

export interface Bound {
  value: number;
  exclusive: boolean;
}

/** Constraints that all hold. A list has one entry for each schema that says something. */
export interface Flat {
  /** Where it comes from, for errors. */
  path: string;
  types: ReadonlySet<Type> | undefined;
  /** The values of `enum` and `const`. */
  values: readonly unknown[] | undefined;
  minimum: Bound | undefined;
  maximum: Bound | undefined;
  multiples: readonly number[];
  length: Range;
  patterns: readonly string[];
  formats: readonly string[];
  objects: readonly ObjectGroup[];
  required: ReadonlySet<string>;
  propertyNames: readonly Place[];
  propertyCount: Range;
  arrays: readonly ArrayGroup[];
  itemCount: Range;
  unique: boolean;
  /** Kinds of values that keywords speak of, where no `type` says. */
  implied: ReadonlySet<Type>;
}

export interface Range {
  min: number;
  max: number;
}

const anyRange: Range = { min: 0, max: Number.POSITIVE_INFINITY };

const anything = (path: string): Flat => ({
  path,
  types: undefined,
  values: undefined,
  minimum: undefined,
  maximum: undefined,
  multiples: [],
  length: anyRange,
  patterns: [],
  formats: [],
  objects: [],
  required: new Set(),
  propertyNames: [],
  propertyCount: anyRange,
  arrays: [],
  itemCount: anyRange,
  unique: false,
  implied: new Set(),
});

const maxAlternatives = 256;
const impliedBy: readonly [Type, readonly string[]][] = [
  [
    "object",
    "properties patternProperties additionalProperties propertyNames required minProperties maxProperties".split(
      " ",
    ),
  ],
  ["array", "items prefixItems minItems maxItems uniqueItems".split(" ")],
  ["string", ["minLength", "maxLength", "pattern", "format"]],
  ["number", ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]],
];

export class Resolver {
  constructor(
    private readonly root: unknown,
    private readonly errors: SchemaErrors,
    /** @throws OmniError unless the alternatives of a `oneOf` exclude each other */
    private readonly checkExclusive: (branches: readonly Flat[][], path: string) => void,
  ) {}

  /** The alternatives of values that are valid under all of `places`. None: no value is. */
  resolve(places: readonly Place[]): Flat[] {
    let flats = [anything(places[0]?.path ?? "#")];
    for (const place of places) flats = this.#add(flats, place, new Set());
    return flats;
  }

  #add(flats: Flat[], place: Place, within: ReadonlySet<unknown>): Flat[] {
    this.errors.check(place);
    const { schema, path } = place;
    if (schema === true) return flats;
    if (schema === false) return [];
    if (within.has(schema)) throw this.errors.at(path, "the schema refers to itself without an end");
    if (within.size > limits.depth) throw this.errors.at(path, "schemas are nested too deeply");
    const inside = new Set([...within, schema]);
    const fields = schema as JsonObject;
    let result = flats.flatMap((flat) => {
      const plain = plainConstraints(fields, path);
      const merged = merge(flat, plain);
      return merged ? [merged] : [];
    });
    if (fields.$ref !== undefined)
      result = this.#add(result, this.#target(fields.$ref as string, path), inside);
    const list = (key: string) =>
      ((fields[key] ?? []) as unknown[]).map((schema, i) => ({ schema, path: `${path}/${key}/${i}` }));
    for (const part of list("allOf")) result = this.#add(result, part, inside);
    for (const key of ["anyOf", "oneOf"]) {
      const branches = list(key);
      if (branches.length === 0) continue;
      if (key === "oneOf" && branches.length > 1)
        this.checkExclusive(
          branches.map((branch) => this.#add([anything(branch.path)], branch, inside)),
          `${path}/oneOf`,
        );
      const before = result;
      result = branches.flatMap((branch) => this.#add(before, branch, inside));
      if (result.length > maxAlternatives)
        throw this.errors.at(path, `alternatives multiply to more than ${maxAlternatives}`);
    }
    return result;
  }

  /** The schema at a JSON pointer (RFC 6901) such as `#/$defs/node`. */
  #target(reference: string, path: string): Place {
    const shown = reference.slice(0, 100);
    if (reference !== "#" && !reference.startsWith("#/"))
      throw this.errors.at(
        path,
        `'$ref' is '${shown}'; only references within the schema, '#/…', are supported`,
      );
    let schema: unknown = this.root;
    for (const part of reference.split("/").slice(1)) {
      let key = part;
      try {
        key = decodeURIComponent(part);
      } catch {
        // Then it stands for itself.
      }
      key = key.replaceAll("~1", "/").replaceAll("~0", "~");
      const isThere = (isObject(schema) || Array.isArray(schema)) && Object.hasOwn(schema, key);
      if (!isThere) throw this.errors.at(path, `'$ref' is '${shown}', where there is nothing`);
      schema = (schema as JsonObject)[key];
    }
    return { schema, path: reference };
  }
}

/** The keywords of one schema alone. */
function plainConstraints(fields: JsonObject, path: string): Flat {
  const number = (key: string) => fields[key] as number | undefined;
  const range = (min: string, max: string): Range => ({
    min: number(min) ?? 0,
    max: number(max) ?? Number.POSITIVE_INFINITY,
  });
  const at = (key: string): Place | undefined =>
    fields[key] === undefined ? undefined : { schema: fields[key], path: `${path}/${key}` };
  const map = (key: string): [string, Place][] =>
    Object.entries((fields[key] ?? {}) as JsonObject).map(([name, schema]) => [
      name,
      { schema, path: `${path}/${key}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}` },
    ]);
  const has = (...keys: string[]) => keys.some((key) => fields[key] !== undefined);
  let values = fields.enum as unknown[] | undefined;
  if (fields.const !== undefined) {
    const only = JSON.stringify(sorted(fields.const));
    values = (values ?? [fields.const]).filter((value) => JSON.stringify(sorted(value)) === only);
  }
  return {
    ...anything(path),
    types: fields.type === undefined ? undefined : new Set([fields.type].flat() as Type[]),
    values,
    minimum: tighter(bound(number("minimum"), false), bound(number("exclusiveMinimum"), true), 1),
    maximum: tighter(bound(number("maximum"), false), bound(number("exclusiveMaximum"), true), -1),
    multiples: has("multipleOf") ? [number("multipleOf")!] : [],
    length: range("minLength", "maxLength"),
    patterns: has("pattern") ? [fields.pattern as string] : [],
    formats: has("format") ? [fields.format as string] : [],
    objects: has("properties", "patternProperties", "additionalProperties")
      ? [
          {
            properties: new Map(map("properties")),
            patternProperties: map("patternProperties"),
            additional: at("additionalProperties"),
          },
        ]
      : [],
    required: new Set((fields.required ?? []) as string[]),
    propertyNames: has("propertyNames") ? [at("propertyNames")!] : [],
    propertyCount: range("minProperties", "maxProperties"),
    arrays: has("prefixItems", "items")
      ? [
          {
            prefix: ((fields.prefixItems ?? []) as unknown[]).map((schema, i) => ({
              schema,
              path: `${path}/prefixItems/${i}`,
            })),
            items: at("items"),
          },
        ]
      : [],
    itemCount: range("minItems", "maxItems"),
    unique: fields.uniqueItems === true,
    implied: new Set(impliedBy.filter(([, keys]) => has(...keys)).map(([type]) => type)),
  };
}

const bound = (value: number | undefined, exclusive: boolean): Bound | undefined =>
  value === undefined ? undefined : { value, exclusive };

/** The stricter of two bounds; `side` 1: lower ones, -1: upper ones. */
function tighter(a: Bound | undefined, b: Bound | undefined, side: 1 | -1): Bound | undefined {
  if (!a || !b) return a ?? b;
  if (a.value === b.value) return a.exclusive ? a : b;
  return (a.value - b.value) * side > 0 ? a : b;
}

const overlap = (a: Range, b: Range): Range => ({ min: Math.max(a.min, b.min), max: Math.min(a.max, b.max) });

/** Both hold; undefined where that is plainly impossible. */
function merge(a: Flat, b: Flat): Flat | undefined {
  const types = a.types && b.types ? commonTypes(a.types, b.types) : (a.types ?? b.types);
  if (types?.size === 0) return undefined;
  let values = a.values ?? b.values;
  if (a.values && b.values) {
    const allowed = new Set(b.values.map((value) => JSON.stringify(sorted(value))));
    values = a.values.filter((value) => allowed.has(JSON.stringify(sorted(value))));
  }
  if (values?.length === 0) return undefined;
  return {
    path: b.path,
    types,
    values,
    minimum: tighter(a.minimum, b.minimum, 1),
    maximum: tighter(a.maximum, b.maximum, -1),
    multiples: [...a.multiples, ...b.multiples],
    length: overlap(a.length, b.length),
    patterns: [...a.patterns, ...b.patterns],
    formats: [...a.formats, ...b.formats],
    objects: [...a.objects, ...b.objects],
    required: new Set([...a.required, ...b.required]),
    propertyNames: [...a.propertyNames, ...b.propertyNames],
    propertyCount: overlap(a.propertyCount, b.propertyCount),
    arrays: [...a.arrays, ...b.arrays],
    itemCount: overlap(a.itemCount, b.itemCount),
    unique: a.unique || b.unique,
    implied: new Set([...a.implied, ...b.implied]),
  };
}

/** A value with the keys of objects in order, for comparing. */
export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
}
