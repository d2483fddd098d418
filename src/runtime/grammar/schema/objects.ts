/** Objects of a schema: its properties in order, those that it demands always, then others where it allows them. */

import { tooComplex } from "../limits.ts";
import type { Regex } from "../regex/regex.ts";
import { type Expression, sequence } from "../rules.ts";
import type { Place } from "./keywords.ts";
import type { Flat } from "./resolve.ts";
import type { SchemaContext } from "./schemaRules.ts";

/** Patterns of property names up to here: each set of those that match a name is a case of its own. */
const maxPatterns = 4;
const maxStates = 20_000;

/** A property with a name of its own. */
interface Named {
  expression: Expression;
  required: boolean;
}

export function objectExpression(flat: Flat, context: SchemaContext): Expression {
  const { regexes } = context.bytes;
  const names = new Set([
    ...flat.objects.flatMap(({ properties }) => [...properties.keys()]),
    ...flat.required,
  ]);
  const nameRegex = namesRegex(flat, context);
  const named: Named[] = [];
  for (const name of names) {
    const required = flat.required.has(name);
    const places = schemasOf(name, flat, context);
    const isAllowed = !places.some(({ schema }) => schema === false) && regexes.matches(nameRegex, name);
    if (isAllowed)
      named.push({
        required,
        expression: sequence(
          context.text(regexes.literal(JSON.stringify(name))),
          context.mark(": ?"),
          context.value(places),
        ),
      });
    else if (required) return { kind: "choice", parts: [] }; // no object is valid
  }
  const others = otherProperties(flat, names, nameRegex, context);
  return network(named, others, flat, context);
}

/** What the value of a property has to be: `properties`, `patternProperties` or else `additionalProperties` of each. */
function schemasOf(name: string, { objects }: Flat, { bytes, scalars }: SchemaContext): Place[] {
  return objects.flatMap(({ properties, patternProperties, additional }) => {
    const own = properties.get(name);
    const places = own ? [own] : [];
    for (const [pattern, place] of patternProperties)
      if (bytes.regexes.matches(scalars.pattern(pattern), name)) places.push(place);
    return places.length === 0 && additional ? [additional] : places;
  });
}

/** Names that `propertyNames` allow. */
function namesRegex({ propertyNames }: Flat, context: SchemaContext): Regex {
  const { bytes, scalars } = context;
  const { regexes } = bytes;
  if (propertyNames.length === 0) return regexes.all;
  const alternatives = context.resolve(propertyNames).map((flat) => {
    if (flat.values) {
      const texts = scalars.values(flat).filter((value) => typeof value === "string");
      return regexes.alt(...texts.map((text) => regexes.literal(text)));
    }
    return !flat.types || flat.types.has("string") ? scalars.strings(flat) : regexes.none;
  });
  return regexes.alt(...alternatives);
}

/** Properties that are not named: an expression for each case of what their names match. */
function otherProperties(
  flat: Flat,
  names: ReadonlySet<string>,
  nameRegex: Regex,
  context: SchemaContext,
): Expression[] {
  const { bytes, scalars, errors } = context;
  const { regexes } = bytes;
  const { objects, propertyCount } = flat;
  const patterns = [
    ...new Set(objects.flatMap(({ patternProperties }) => patternProperties.map(([p]) => p))),
  ];
  if (patterns.length > maxPatterns)
    throw errors.at(flat.path, `more than ${maxPatterns} 'patternProperties' are not supported`);
  // Where nothing is said of other properties, they are only written if there are no others to write.
  const isSaid = objects.some(({ additional }) => additional !== undefined);
  const allowsOthers =
    isSaid || (names.size === 0 && patterns.length === 0) || propertyCount.min > names.size;
  const unnamed = regexes.not(regexes.alt(...Array.from(names, (name) => regexes.literal(name))));
  const cases: Expression[] = [];
  for (let chosen = 0; chosen < 2 ** patterns.length; chosen++) {
    if (chosen === 0 && !allowsOthers) continue;
    const matched = new Set(patterns.filter((_, index) => chosen & (1 << index)));
    const places = objects.flatMap(({ patternProperties, additional }) => {
      const own = patternProperties.filter(([pattern]) => matched.has(pattern)).map(([, place]) => place);
      return own.length === 0 && additional ? [additional] : own;
    });
    if (places.some(({ schema }) => schema === false)) continue;
    const conditions = patterns.map((pattern) => {
      const found = scalars.pattern(pattern);
      return matched.has(pattern) ? found : regexes.not(found);
    });
    const regex = regexes.and(unnamed, nameRegex, ...conditions);
    cases.push(
      sequence({ kind: "terminal", regex, encoding: "json" }, context.mark(": ?"), context.value(places)),
    );
  }
  return cases;
}

/**
 * States are the next property in order and how many there are so far, as far as that matters. Of the properties that
 * are not named only the first counts towards a minimum, because the others may repeat its name.
 */
function network(
  named: readonly Named[],
  others: readonly Expression[],
  { propertyCount: { min, max } }: Flat,
  context: SchemaContext,
): Expression {
  return {
    kind: "network",
    build: ({ node, edge }, from, to) => {
      const counted = Math.max(1, Math.min(min, named.length + 1), max < Number.POSITIVE_INFINITY ? max : 0);
      if (counted * named.length > maxStates)
        throw tooComplex("its objects have too many properties to count");
      const lastRequired = named.findLastIndex(({ required }) => required);
      /** Before property `index` with `count` properties so far; `isOpen`: right after a comma or the brace. */
      const states = new Map<string, number>();
      const state = (index: number, count: number, isOpen: boolean): number => {
        const key = `${index},${Math.min(count, counted)},${isOpen}`;
        let known = states.get(key);
        if (known === undefined) {
          known = node();
          states.set(key, known);
          todo.push({ index, count: Math.min(count, counted), isOpen, at: known });
        }
        return known;
      };
      const todo: { index: number; count: number; isOpen: boolean; at: number }[] = [];
      edge(from, state(0, 0, true), context.mark("\\{_"));
      for (let next = todo.pop(); next; next = todo.pop()) {
        const { index, count, isOpen, at } = next;
        // Other properties form the last state: `index` beyond the named ones.
        const isOther = index > named.length;
        const isComplete = index > lastRequired && (isOther || count >= min);
        if (isComplete && (count === 0 || !isOpen)) edge(at, to, context.mark(isOpen ? "\\}" : "_\\}"));
        if (count >= max) continue;
        if (!isOpen) {
          edge(at, state(index, count, true), context.mark(",_"));
          continue;
        }
        const property = named[index];
        if (property) {
          edge(at, state(index + 1, count + 1, false), property.expression);
          if (!property.required) edge(at, state(index + 1, count, true));
        } else if (isOther || count + 1 >= min)
          for (const other of others) edge(at, state(named.length + 1, count + 1, false), other);
      }
    },
  };
}
