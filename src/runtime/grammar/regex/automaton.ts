/** Regular expressions as automata over characters whose states are made when they are reached. */

import { limits } from "../limits.ts";
import { anyChar, type CharSet, charSet } from "./charSet.ts";
import type { Regex, RegexFactory } from "./regex.ts";

/** Where the characters of `chars` lead. */
export interface Move {
  chars: CharSet;
  to: Regex;
}

export class CharAutomaton {
  readonly #moves = new Map<Regex, readonly Move[]>();
  /** Known answers of {@link isLive}. */
  readonly #live = new Map<Regex, boolean>();

  constructor(private readonly regexes: RegexFactory) {}

  /** The moves out of a state, their sets disjoint. Only to states from which a match can be completed. */
  moves(state: Regex): readonly Move[] {
    let moves = this.#moves.get(state);
    if (!moves) {
      moves = this.#allMoves(state).filter(({ to }) => this.isLive(to));
      this.#moves.set(state, moves);
    }
    return moves;
  }

  /**
   * Whether the term matches any text. Without intersections every term but `none` does; an intersection has to be
   * searched for a match. A search that takes too long counts as "no", which is safe: a state that counts as live has
   * a path to a match through states that do.
   */
  isLive(term: Regex): boolean {
    if (!term.extended) return term !== this.regexes.none;
    switch (term.kind) {
      case "concat":
        return this.isLive(term.first) && this.isLive(term.rest);
      case "alt":
        return term.parts.some((part) => this.isLive(part));
      case "repeat":
        return term.min === 0 || this.isLive(term.of);
      default:
        return term.nullable || this.#search(term);
    }
  }

  /** Best first, by the length that a match at least has. */
  #search(start: Regex): boolean {
    const known = this.#live.get(start);
    if (known !== undefined) return known;
    const cameFrom = new Map<Regex, Regex | undefined>([[start, undefined]]);
    const open = new Buckets();
    open.add(start, start.minLength);
    for (let steps = 0; steps < limits.liveSearch; steps++) {
      const state = open.take();
      if (state === undefined) {
        // Everything that can be reached was seen, and nothing matches.
        for (const seen of cameFrom.keys()) this.#live.set(seen, false);
        return false;
      }
      if (state.nullable || (state !== start && this.#isKnownLive(state))) {
        for (let at: Regex | undefined = state; at; at = cameFrom.get(at)) this.#live.set(at, true);
        return true;
      }
      for (const { to } of this.#allMoves(state)) {
        if (cameFrom.has(to) || this.#live.get(to) === false || to === this.regexes.none) continue;
        cameFrom.set(to, state);
        open.add(to, to.minLength);
      }
    }
    this.#live.set(start, false);
    return false;
  }

  #isKnownLive(state: Regex): boolean {
    return state.extended ? this.#live.get(state) === true : state !== this.regexes.none;
  }

  #allMoves(state: Regex): Move[] {
    const byTarget = new Map<Regex, [number, number][]>();
    for (const ranges of cells(firstSets(state))) {
      const to = this.regexes.derivative(state, ranges[0]![0]);
      if (to === this.regexes.none) continue;
      const known = byTarget.get(to);
      if (known) known.push(...ranges);
      else byTarget.set(to, [...ranges]);
    }
    return Array.from(byTarget, ([to, ranges]) => ({ chars: charSet(ranges), to }));
  }
}

/** States by priority; those of the lowest are taken first, the newest of them before older ones. */
class Buckets {
  readonly #states = new Map<number, Regex[]>();
  readonly #priorities: number[] = [];

  add(state: Regex, priority: number): void {
    const bucket = this.#states.get(priority);
    if (bucket) {
      bucket.push(state);
      return;
    }
    this.#states.set(priority, [state]);
    this.#priorities.push(priority);
    this.#priorities.sort((a, b) => b - a);
  }

  take(): Regex | undefined {
    const lowest = this.#priorities.at(-1);
    if (lowest === undefined) return undefined;
    const bucket = this.#states.get(lowest)!;
    const state = bucket.pop();
    if (bucket.length === 0) {
      this.#states.delete(lowest);
      this.#priorities.pop();
    }
    return state;
  }
}

const digits: CharSet = Array.from({ length: 10 }, (_, digit) => [0x30 + digit, 0x30 + digit]).flat();

/** The sets that decide what a term does with its first character. */
function firstSets(term: Regex, out = new Set<CharSet>(), seen = new Set<Regex>()): Set<CharSet> {
  if (seen.has(term)) return out;
  seen.add(term);
  switch (term.kind) {
    case "chars":
      out.add(term.set);
      break;
    case "concat":
      firstSets(term.first, out, seen);
      if (term.first.nullable) firstSets(term.rest, out, seen);
      break;
    case "alt":
    case "and":
      for (const part of term.parts) firstSets(part, out, seen);
      break;
    case "not":
    case "repeat":
      firstSets(term.of, out, seen);
      break;
    case "modulo":
      for (let i = 0; i < digits.length; i += 2) out.add(digits.slice(i, i + 2));
      break;
  }
  return out;
}

/** All characters in groups between whose members no set distinguishes; each group as its ranges. */
function cells(sets: ReadonlySet<CharSet>): Iterable<[number, number][]> {
  const events: { at: number; set: number; enters: boolean }[] = [];
  let index = 0;
  for (const set of [...sets, anyChar]) {
    for (let i = 0; i < set.length; i += 2) {
      events.push({ at: set[i]!, set: index, enters: true });
      events.push({ at: set[i + 1]! + 1, set: index, enters: false });
    }
    index++;
  }
  const any = index - 1;
  events.sort((a, b) => a.at - b.at);
  const active = new Set<number>();
  const groups = new Map<string, [number, number][]>();
  for (let i = 0; i < events.length; ) {
    const at = events[i]!.at;
    for (; i < events.length && events[i]!.at === at; i++) {
      const { set, enters } = events[i]!;
      if (enters) active.add(set);
      else active.delete(set);
    }
    if (i === events.length || !active.has(any)) continue;
    const key = [...active].sort((a, b) => a - b).join();
    const range: [number, number] = [at, events[i]!.at - 1];
    const group = groups.get(key);
    if (group) group.push(range);
    else groups.set(key, [range]);
  }
  return groups.values();
}
