/** Arrays of a schema. */

import type { Expression } from "../rules.ts";
import type { Place } from "./keywords.ts";
import { type Flat, sorted } from "./resolve.ts";
import type { SchemaContext } from "./schemaRules.ts";

/** Listed values up to here can be kept unique: each set of those that are used up is a state. */
const maxUniqueValues = 8;

export function arrayExpression(flat: Flat, context: SchemaContext): Expression {
  const { arrays, itemCount } = flat;
  const { min, max: most } = itemCount;
  const prefixLength = Math.max(0, ...arrays.map(({ prefix }) => prefix.length));
  const item = (index: number): Place[] =>
    arrays.flatMap(({ prefix, items }) => prefix[index] ?? (items === undefined ? [] : [items]));
  const isClosed =
    prefixLength > 0 && min <= prefixLength && arrays.every(({ items }) => items === undefined);
  const max = isClosed ? Math.min(most, prefixLength) : most;
  if (flat.unique && max > 1) return uniqueArray(flat, item(0), prefixLength, context);

  return {
    kind: "network",
    build: ({ node, edge }, from, to) => {
      if (min > max) return;
      let at = node();
      edge(from, at, context.mark("\\[_"));
      if (min === 0) edge(at, to, context.mark("\\]"));
      for (let count = 0; count < max; count++) {
        const next = node();
        edge(at, next, context.value(item(count)));
        if (count + 1 >= min) edge(next, to, context.mark("_\\]"));
        if (count + 1 >= max) break;
        at = node();
        edge(next, at, context.mark(",_"));
        if (max === Number.POSITIVE_INFINITY && count + 1 >= Math.max(min, prefixLength)) {
          edge(at, next, context.value(item(count + 1)));
          break;
        }
      }
    },
  };
}

/** Arrays without repetitions, of few listed values. */
function uniqueArray(flat: Flat, items: Place[], prefixLength: number, context: SchemaContext): Expression {
  const flats = context.resolve(items);
  const isListed = prefixLength === 0 && flats.every(({ values }) => values !== undefined);
  const values = new Map(
    isListed
      ? flats
          .flatMap((each) => context.scalars.values(each))
          .map((value) => [JSON.stringify(sorted(value)), value])
      : [],
  );
  if (!isListed || values.size > maxUniqueValues)
    throw context.errors.at(
      flat.path,
      `'uniqueItems' is only supported for items with at most ${maxUniqueValues} listed values ('enum')`,
    );
  const texts = Array.from(values.values(), (value) =>
    context.text(context.bytes.regexes.literal(JSON.stringify(value))),
  );
  const { min, max } = flat.itemCount;
  return {
    kind: "network",
    build: ({ node, edge }, from, to) => {
      if (min > max) return;
      // After the values of each set, and before the next one.
      const after = Array.from({ length: 2 ** texts.length }, node);
      const before = after.map(node);
      edge(from, before[0]!, context.mark("\\[_"));
      if (min === 0) edge(before[0]!, to, context.mark("\\]"));
      for (let used = 0; used < after.length; used++) {
        const count = used.toString(2).replaceAll("0", "").length;
        if (count < max)
          texts.forEach((text, index) => {
            if (!(used & (1 << index))) edge(before[used]!, after[used | (1 << index)]!, text);
          });
        if (used === 0) continue;
        if (count >= min) edge(after[used]!, to, context.mark("_\\]"));
        edge(after[used]!, before[used]!, context.mark(",_"));
      }
    },
  };
}
