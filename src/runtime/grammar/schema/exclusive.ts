/**
 * Whether the alternatives of a `oneOf` exclude each other. What a grammar writes may match any of them, so that
 * "exactly one" can only be kept where that is certain.
 */

import type { ByteAutomaton } from "../regex/byteAutomaton.ts";
import { types as allTypes, commonTypes, type Place, type SchemaErrors, type Type } from "./keywords.ts";
import { type Flat, type Resolver, sorted } from "./resolve.ts";
import { type Scalars, typeOf } from "./scalars.ts";

const maxDepth = 4;

export class Exclusive {
  constructor(
    private readonly bytes: ByteAutomaton,
    private readonly scalars: Scalars,
    private readonly errors: SchemaErrors,
    private readonly resolver: () => Resolver,
  ) {}

  /** @throws OmniError where two branches may both be valid */
  check(branches: readonly Flat[][], path: string): void {
    for (let i = 0; i < branches.length; i++)
      for (let j = 0; j < i; j++)
        if (!this.#exclude(branches[i]!, branches[j]!, 0))
          throw this.errors.at(
            path,
            `the alternatives ${j} and ${i} may both be valid; 'oneOf' needs a property or type that tells them apart ('anyOf' does not)`,
          );
  }

  #exclude(a: readonly Flat[], b: readonly Flat[], depth: number): boolean {
    return a.every((one) => b.every((other) => this.#apart(one, other, depth)));
  }

  #apart(a: Flat, b: Flat, depth: number): boolean {
    if (a.values && b.values) {
      const other = new Set(b.values.map(key));
      return !a.values.some((value) => other.has(key(value)));
    }
    if (a.values) return a.values.every((value) => !this.#mayBe(b, value));
    if (b.values) return b.values.every((value) => !this.#mayBe(a, value));
    // Without a type, keywords for one type allow all others: only `type` excludes.
    const every = new Set<Type>(allTypes);
    for (const type of commonTypes(a.types ?? every, b.types ?? every))
      if (!this.#typeApart(a, b, type, depth)) return false;
    return true;
  }

  #mayBe(flat: Flat, value: unknown): boolean {
    if (!["array", "object"].includes(typeOf(value))) return this.scalars.allows(flat, value);
    return !flat.types || flat.types.has(typeOf(value));
  }

  #typeApart(a: Flat, b: Flat, type: Type, depth: number): boolean {
    const { regexes, chars } = this.bytes;
    switch (type) {
      case "string":
        return !chars.isLive(regexes.and(this.scalars.strings(a), this.scalars.strings(b)));
      case "integer":
      case "number":
        return below(a, b) || below(b, a);
      case "object":
        return depth < maxDepth && this.#objectsApart(a, b, depth);
      default:
        return false;
    }
  }

  /** A property that one of them demands and whose values differ, or that the other cannot have. */
  #objectsApart(a: Flat, b: Flat, depth: number): boolean {
    for (const name of [...a.required, ...b.required]) {
      const of = (flat: Flat): Place[] =>
        flat.objects.flatMap(({ properties, patternProperties, additional }) => {
          const place = properties.get(name);
          if (place) return [place];
          return patternProperties.length === 0 && additional ? [additional] : [];
        });
      const [inA, inB] = [of(a), of(b)];
      if (inA.length === 0 || inB.length === 0) continue;
      const resolver = this.resolver();
      if (this.#exclude(resolver.resolve(inA), resolver.resolve(inB), depth + 1)) return true;
    }
    return false;
  }
}

const key = (value: unknown) => JSON.stringify(sorted(value));

function below({ maximum }: Flat, { minimum }: Flat): boolean {
  if (!maximum || !minimum) return false;
  return (
    maximum.value < minimum.value ||
    (maximum.value === minimum.value && (maximum.exclusive || minimum.exclusive))
  );
}
