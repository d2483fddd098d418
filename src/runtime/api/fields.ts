/**
 * Readers of request fields: each checks one value and names its path when it is wrong.
 * Error codes are OpenAI's (`invalid_type`, `integer_above_max_value`, …). `null` counts as absent.
 */

import { invalidRequest, type OmniError } from "../errors.ts";

/** A JSON object as it came in. */
export type Json = Record<string, unknown>;

/** Checks `value` found at `path` and gives it back with its type. */
export type Read<T> = (value: unknown, path: string) => T;

function nameOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "number") return Number.isInteger(value) ? "an integer" : "a decimal number";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

export function wrongType(path: string, expected: string, value: unknown): OmniError {
  const message = `Invalid type for '${path}': expected ${expected}, but got ${nameOf(value)} instead.`;
  return invalidRequest(message, path, "invalid_type");
}

/** Text of a request as it may appear in a message: quoted, cut to a readable length. */
function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

export const string: Read<string> = (value, path) => {
  if (typeof value !== "string") throw wrongType(path, "a string", value);
  return value;
};

export const nonEmptyString: Read<string> = (value, path) => {
  const text = string(value, path);
  if (text === "") throw invalidRequest(`Invalid '${path}': empty string.`, path, "empty_string");
  return text;
};

export const boolean: Read<boolean> = (value, path) => {
  if (typeof value !== "boolean") throw wrongType(path, "a boolean", value);
  return value;
};

export const object: Read<Json> = (value, path) => {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw wrongType(path, "an object", value);
  return value as Json;
};

function inRange(kind: "integer" | "decimal", value: number, min: number, max: number, path: string): number {
  const [side, bound] = value < min ? ["below minimum", `>= ${min}`] : ["above maximum", `<= ${max}`];
  if (value >= min && value <= max) return value;
  throw invalidRequest(
    `Invalid '${path}': ${kind} ${side} value. Expected a value ${bound}, but got ${value} instead.`,
    path,
    `${kind}_${value < min ? "below_min" : "above_max"}_value`,
  );
}

/** A number from `min` to `max`, both included. */
export function decimal(min: number, max: number): Read<number> {
  return (value, path) => {
    if (typeof value !== "number") throw wrongType(path, "a decimal number", value);
    return inRange("decimal", value, min, max, path);
  };
}

/** A whole number from `min` to `max`, both included. */
export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): Read<number> {
  return (value, path) => {
    if (typeof value !== "number" || !Number.isInteger(value)) throw wrongType(path, "an integer", value);
    return inRange("integer", value, min, max, path);
  };
}

/** An array of `min` to `max` items. */
export function list<T>(item: Read<T>, min = 0, max = Number.MAX_SAFE_INTEGER): Read<T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw wrongType(path, "an array", value);
    if (value.length < min || value.length > max) {
      const [code, bound] =
        value.length > max
          ? ["array_above_max_length", `at most ${max}`]
          : ["empty_array", `at least ${min}`];
      throw invalidRequest(
        `Invalid '${path}': expected an array with ${bound} item(s), but got ${value.length} instead.`,
        path,
        code,
      );
    }
    return value.map((entry, index) => item(entry, `${path}[${index}]`));
  };
}

/** One of a few strings. */
export function oneOf<T extends string>(...allowed: T[]): Read<T> {
  return (value, path) => {
    const text = string(value, path);
    if ((allowed as string[]).includes(text)) return text as T;
    const names = allowed.map((name) => `'${name}'`).join(", ");
    const message = `Invalid value: ${quote(text)}. Supported values of '${path}' are: ${names}.`;
    throw invalidRequest(message, path, "invalid_value");
  };
}

function pathOf(parent: string, key: string): string {
  return parent === "" ? key : `${parent}.${key}`;
}

/** The field `key` of `body`, which sits at path `parent`; undefined where absent or null. */
export function optional<T>(body: Json, key: string, read: Read<T>, parent = ""): T | undefined {
  const value = body[key];
  return value === undefined || value === null ? undefined : read(value, pathOf(parent, key));
}

/** The field `key` of `body`, which sits at path `parent`. */
export function required<T>(body: Json, key: string, read: Read<T>, parent = ""): T {
  const path = pathOf(parent, key);
  if (body[key] === undefined)
    throw invalidRequest(`Missing required parameter: '${path}'.`, path, "missing_required_parameter");
  return read(body[key], path);
}

/** An error for a field that is well-formed but asks for what this runtime does not do. */
export function unsupported(path: string, message: string): OmniError {
  return invalidRequest(message, path, "unsupported_value");
}
