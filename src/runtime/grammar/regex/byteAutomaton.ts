/**
 * Character automata as automata over bytes: UTF-8, or the inside of a JSON string with its escapes. States are numbers,
 * made when they are reached, with a row of 256 next states each.
 */

import { Fuel } from "../limits.ts";
import { CharAutomaton, type Move } from "./automaton.ts";
import { type CharSet, intersect, ranges } from "./charSet.ts";
import { type Regex, RegexFactory } from "./regex.ts";

/** `json`: a JSON string, quotes included, whose value matches; every way to write a character is allowed. */
export type Encoding = "utf8" | "json";

/** No way on. */
export const dead = -1;

/** A range of bytes, or of values of a hexadecimal digit (`hex`) in upper or lower case. */
interface Step {
  first: number;
  last: number;
  hex: boolean;
}

/** One way to write the characters of a range, and which of several targets that leads to. */
interface Way {
  steps: readonly Step[];
  target: number;
}

/**
 * How bytes lead through the ways to write characters, whatever they lead to: a class for each byte (0: no way), and for
 * each class but that the shape of what must follow, or the target that is reached.
 */
interface Shape {
  id: number;
  classes: Uint8Array;
  next: readonly (Shape | number)[];
}

interface State {
  encoding: Encoding;
  /** A term between two characters, within a character, or a JSON string that is not yet open or closed. */
  at: { term: Regex } | { shape: Shape; targets: readonly Regex[] } | { open: Regex } | "closed";
  final: boolean;
}

export class ByteAutomaton {
  readonly fuel = new Fuel();
  readonly regexes = new RegexFactory(this.fuel);
  readonly chars = new CharAutomaton(this.regexes);
  readonly #states: State[] = [];
  readonly #rows: (Int32Array | undefined)[] = [];
  readonly #final: boolean[] = [];
  readonly #ids = new Map<string, number>();
  readonly #shapes = new Map<string, Shape>();

  /** Number of states so far. */
  get size(): number {
    return this.#states.length;
  }

  /** The state before a text that has to match `term`; {@link dead} where nothing does. */
  start(term: Regex, encoding: Encoding): number {
    if (!this.chars.isLive(term)) return dead;
    if (encoding === "utf8") return this.#between(term, encoding);
    return this.#state(`o${term.id}`, { encoding, at: { open: term }, final: false });
  }

  /** Whether the text may end here. */
  isFinal(state: number): boolean {
    return this.#final[state]!;
  }

  /** The next state for each byte, (256); {@link dead} where there is none. Every other can reach a final state. */
  row(state: number): Int32Array {
    let row = this.#rows[state];
    if (!row) {
      row = this.#makeRow(this.#states[state]!);
      this.#rows[state] = row;
    }
    return row;
  }

  /**
   * A state that does the same with the next `length` bytes, but in which repetitions that cannot come to an end within
   * them are not counted: many states have the same.
   */
  relaxed(state: number, length: number): number {
    const { at, encoding } = this.#states[state]!;
    if (at === "closed") return state;
    if ("term" in at) return this.#between(this.regexes.relaxed(at.term, length), encoding);
    if ("open" in at) return this.start(this.regexes.relaxed(at.open, length), encoding);
    const targets = at.targets.map((target) => this.regexes.relaxed(target, length));
    const names = targets.map(({ id }) => id).join();
    return this.#state(`${encoding}${at.shape.id}>${names}`, {
      encoding,
      at: { shape: at.shape, targets },
      final: false,
    });
  }

  #state(key: string, state: State): number {
    let id = this.#ids.get(key);
    if (id === undefined) {
      id = this.#states.push(state) - 1;
      this.#rows.push(undefined);
      this.#final.push(state.final);
      this.#ids.set(key, id);
    }
    return id;
  }

  #between(term: Regex, encoding: Encoding): number {
    const final = encoding === "utf8" && term.nullable;
    return this.#state(`${encoding}${term.id}`, { encoding, at: { term }, final });
  }

  #makeRow({ at, encoding }: State): Int32Array {
    const row = new Int32Array(256).fill(dead);
    if (at === "closed") return row;
    if ("open" in at) {
      row[quote] = this.#between(at.open, encoding);
      return row;
    }
    if ("shape" in at) {
      this.#follow(row, at.shape, at.targets, encoding);
      return row;
    }
    const moves = this.chars.moves(at.term);
    const targets = moves.map(({ to }) => to);
    if (moves.length > 0) this.#follow(row, this.#shapeOf(moves, encoding), targets, encoding);
    if (encoding === "json" && at.term.nullable)
      row[quote] = this.#state("closed", { encoding, at: "closed", final: true });
    return row;
  }

  #follow(row: Int32Array, shape: Shape, targets: readonly Regex[], encoding: Encoding): void {
    const names = targets.map(({ id }) => id).join();
    const states = shape.next.map((next) =>
      typeof next === "number"
        ? this.#between(targets[next]!, encoding)
        : this.#state(`${encoding}${next.id}>${names}`, {
            encoding,
            at: { shape: next, targets },
            final: false,
          }),
    );
    for (let byte = 0; byte < 256; byte++) {
      const index = shape.classes[byte]!;
      if (index > 0) row[byte] = states[index - 1]!;
    }
  }

  #shapeOf(moves: readonly Move[], encoding: Encoding): Shape {
    const key = `${encoding}${moves.map(({ chars }) => chars.join()).join(";")}`;
    let shape = this.#shapes.get(key);
    if (!shape) {
      const ways = moves.flatMap(({ chars }, target) =>
        (encoding === "utf8" ? utf8Ways(chars) : jsonWays(chars)).map((steps): Way => ({ steps, target })),
      );
      shape = this.#shape(ways);
      this.#shapes.set(key, shape);
    }
    return shape;
  }

  /** Sorts ways by their next byte. */
  #shape(ways: readonly Way[]): Shape {
    const key = ways.map(keyOf).join(";");
    const known = this.#shapes.get(key);
    if (known) return known;
    this.fuel.burn(ways.length);
    const byByte: (Way[] | undefined)[] = new Array(256).fill(undefined);
    for (const { steps, target } of ways) {
      const [{ first, last, hex }, ...rest] = steps as [Step, ...Step[]];
      const way = { steps: rest, target };
      for (let value = first; value <= last; value++)
        for (const byte of hex ? hexDigits[value]! : [value]) {
          byByte[byte] ??= [];
          byByte[byte].push(way);
        }
    }
    const classes = new Uint8Array(256);
    const numbers = new Map<string, number>();
    const next: (Shape | number)[] = [];
    byByte.forEach((below, byte) => {
      if (!below) return;
      const name = below.map(keyOf).join(";");
      let number = numbers.get(name);
      if (number === undefined) {
        number = next.push(below[0]!.steps.length === 0 ? below[0]!.target : this.#shape(below));
        numbers.set(name, number);
      }
      classes[byte] = number;
    });
    const shape = { id: this.#shapes.size, classes, next };
    this.#shapes.set(key, shape);
    return shape;
  }
}

const keyOf = ({ steps, target }: Way) =>
  `${steps.map(({ first, last, hex }) => `${first}-${last}${hex ? "h" : ""}`).join(",")}>${target}`;

const quote = 0x22;
const backslash = 0x5c;
const hexDigits = Array.from({ length: 16 }, (_, value) => {
  const digit = value.toString(16);
  return [...new Set([digit, digit.toUpperCase()])].map((char) => char.charCodeAt(0));
});

const bytes = (first: number, last = first): Step => ({ first, last, hex: false });
const hexRange = (first: number, last: number): Step => ({ first, last, hex: true });

/**
 * The numbers from `first` to `last` as sequences of digit ranges, each `bits` wide, `count` digits in all.
 * `step(range, position)` makes a step of a range.
 */
function digitWays(
  first: number,
  last: number,
  bits: number,
  count: number,
  step: (from: number, to: number, position: number) => Step,
  position = 0,
): Step[][] {
  if (count === 1) return [[step(first, last, position)]];
  const below = bits * (count - 1);
  const size = 2 ** below;
  const ways: Step[][] = [];
  const high = (value: number) => Math.floor(value / size);
  const within = (from: number, to: number, lead: [number, number]) => {
    for (const rest of digitWays(from % size, to % size, bits, count - 1, step, position + 1))
      ways.push([step(...lead, position), ...rest]);
  };
  let from = high(first);
  let to = high(last);
  if (from === to) {
    within(first, last, [from, to]);
    return ways;
  }
  if (first % size !== 0) within(first, from * size + size - 1, [from, from++]);
  const lastPart = last % size !== size - 1 ? to-- : undefined;
  if (from <= to) within(from * size, from * size + size - 1, [from, to]);
  if (lastPart !== undefined) within(lastPart * size, last, [lastPart, lastPart]);
  return ways;
}

/** First and last code point, bytes, and the bits of the lead byte of each length of UTF-8. */
const utf8Lengths = [
  { first: 0, last: 0x7f, count: 1, lead: 0 },
  { first: 0x80, last: 0x7ff, count: 2, lead: 0xc0 },
  { first: 0x800, last: 0xffff, count: 3, lead: 0xe0 },
  { first: 0x10000, last: 0x10ffff, count: 4, lead: 0xf0 },
];

function utf8Ways(set: CharSet): Step[][] {
  const ways: Step[][] = [];
  for (const { first, last, count, lead } of utf8Lengths)
    for (const [from, to] of ranges(intersect(set, [first, last])))
      ways.push(
        ...(count === 1
          ? [[bytes(from, to)]]
          : digitWays(from, to, 6, count, (a, b, position) =>
              position === 0 ? bytes(lead + a, lead + b) : bytes(0x80 + a, 0x80 + b),
            )),
      );
  return ways;
}

/** What may stand in a JSON string as it is (RFC 8259, section 7). */
const unescaped: CharSet = [0x20, 0x21, 0x23, 0x5b, 0x5d, 0xd7ff, 0xe000, 0x10ffff];
const shortEscapes: readonly [code: number, char: string][] = [
  [0x22, '"'],
  [0x5c, "\\"],
  [0x2f, "/"],
  [0x08, "b"],
  [0x0c, "f"],
  [0x0a, "n"],
  [0x0d, "r"],
  [0x09, "t"],
];

function jsonWays(set: CharSet): Step[][] {
  const ways = utf8Ways(intersect(set, unescaped));
  for (const [code, char] of shortEscapes)
    if (intersect(set, [code, code]).length > 0) ways.push([bytes(backslash), bytes(char.charCodeAt(0))]);
  const unit = (from: number, to: number) =>
    digitWays(from, to, 4, 4, hexRange).map((way) => [bytes(backslash), bytes(0x75), ...way]);
  for (const [from, to] of ranges(intersect(set, [0, 0xffff]))) ways.push(...unit(from, to));
  // Above that a character is a pair of surrogates of 10 bits each.
  for (const [from, to] of ranges(intersect(set, [0x10000, 0x10ffff]))) {
    const pairs = digitWays(from - 0x10000, to - 0x10000, 10, 2, bytes);
    for (const [high, low] of pairs)
      for (const first of unit(0xd800 + high!.first, 0xd800 + high!.last))
        for (const second of unit(0xdc00 + low!.first, 0xdc00 + low!.last)) ways.push([...first, ...second]);
  }
  return ways;
}
