/**
 * An Earley parser over bytes. Sets of parse items are interned: two texts after which the same may follow lead to one
 * object, so that what is known of it (next sets, token masks) is known for both. A set points back to the sets in which
 * its rules were called, never to the text; forks share everything.
 * After J. Earley, "An efficient context-free parsing algorithm", 1970.
 */

import { limits, tooComplex } from "./limits.ts";
import { type ByteAutomaton, dead } from "./regex/byteAutomaton.ts";
import type { Network } from "./rules.ts";

/** Within a terminal: its automaton's state, the node after it, and the set in which the node's rule was called. */
export interface Item {
  state: number;
  to: number;
  /** {@link here}: this very set. */
  origin: ParseSet | typeof here;
}

/** Called in a set: where it goes on when the rule is complete. */
interface Caller {
  to: number;
  origin: ParseSet | typeof here;
}

export const here = null;

/** All that may follow a text. */
export interface ParseSet {
  readonly id: number;
  readonly items: readonly Item[];
  readonly callers: ReadonlyMap<number, readonly Caller[]>;
  /** The text may end here. */
  readonly accepting: boolean;
  /** Sets after each byte, as far as they were asked for; null where the byte may not follow. */
  readonly next: Map<number, ParseSet | null>;
}

export class Parser {
  readonly #bytes: ByteAutomaton;
  readonly #network: Network;
  readonly #sets = new Map<string, ParseSet>();
  readonly #canMove = new Map<number, boolean>();
  #count = 0;
  /** The set before any text. */
  readonly start: ParseSet;

  constructor(network: Network, bytes: ByteAutomaton) {
    this.#network = network;
    this.#bytes = bytes;
    const draft = this.#draft();
    draft.begin();
    this.start = this.#intern(draft);
  }

  /** What may follow after one more byte; undefined where it may not come. */
  step(set: ParseSet, byte: number): ParseSet | undefined {
    const known = set.next.get(byte);
    if (known !== undefined) return known ?? undefined;
    const draft = this.#draft();
    for (const { state, to, origin } of set.items) {
      const next = this.#bytes.row(state)[byte]!;
      if (next !== dead) draft.scanned(next, to, origin === here ? set : origin);
    }
    const result = draft.isEmpty ? null : this.#intern(draft);
    set.next.set(byte, result);
    return result ?? undefined;
  }

  /** What may follow once the terminal of `item`, an item of `set`, is complete. Undefined: nothing, not even the end. */
  after(set: ParseSet, item: Item): ParseSet | undefined {
    const draft = this.#draft();
    draft.enter(item.to, item.origin === here ? set : item.origin);
    return draft.isEmpty ? undefined : this.#intern(draft);
  }

  /** Sets that are in use stay usable: only what they share with later ones is lost. */
  #forget(): void {
    for (const set of this.#sets.values()) set.next.clear();
    this.#sets.clear();
    this.#sets.set("start", this.start);
  }

  #draft(): Draft {
    return new Draft(this.#network, this.#bytes, (state) => this.#moves(state));
  }

  /** Whether any byte may follow within the terminal. */
  #moves(state: number): boolean {
    let moves = this.#canMove.get(state);
    if (moves === undefined) {
      moves = this.#bytes.row(state).some((next) => next !== dead);
      this.#canMove.set(state, moves);
    }
    return moves;
  }

  #intern(draft: Draft): ParseSet {
    const key = draft.key;
    let set = this.#sets.get(key);
    if (!set) {
      if (this.#sets.size >= maxSets) this.#forget();
      const { items, callers, accepting } = draft;
      set = { id: this.#count++, items, callers, accepting, next: new Map() };
      this.#sets.set(key, set);
    }
    return set;
  }
}

/** Some hundred bytes each. */
const maxSets = 50_000;

/** A set in the making. */
class Draft {
  readonly items: Item[] = [];
  readonly callers = new Map<number, Caller[]>();
  accepting = false;
  #isStart = false;
  readonly #seen = new Set<string>();
  /** Rules that were called in this set and are complete in it. */
  readonly #empty = new Set<number>();
  readonly #ruleAt: ReadonlyMap<number, number>;
  readonly #open: { node: number; origin: ParseSet | typeof here }[] = [];

  constructor(
    private readonly network: Network,
    private readonly bytes: ByteAutomaton,
    private readonly moves: (state: number) => boolean,
  ) {
    this.#ruleAt = ruleEnds(network);
  }

  get isEmpty(): boolean {
    return this.items.length === 0 && !this.accepting;
  }

  /** A terminal has taken a byte. */
  scanned(state: number, to: number, origin: ParseSet | typeof here): void {
    this.#item(state, to, origin);
    if (this.bytes.isFinal(state)) this.enter(to, origin);
  }

  /** A node is reached, of a rule that was called in `origin`; undefined: the text's own rule, which nobody called. */
  enter(node: number, origin: ParseSet | typeof here): void {
    this.#reach(node, origin);
    this.#run();
  }

  /** Calls the text's own rule. */
  begin(): void {
    this.#isStart = true;
    this.#reach(this.network.rules[0]!.start, here);
    this.#run();
  }

  get key(): string {
    const id = (origin: ParseSet | typeof here) => (origin === here ? "" : origin.id);
    const items = this.items.map(({ state, to, origin }) => `${state},${to},${id(origin)}`).sort();
    const callers = [...this.callers].map(
      ([rule, list]) => `${rule}:${list.map(({ to, origin }) => `${to},${id(origin)}`).sort()}`,
    );
    return `${this.accepting}${this.#isStart}|${items.join(";")}|${callers.sort().join(";")}`;
  }

  #run(): void {
    for (let next = this.#open.pop(); next; next = this.#open.pop()) this.#visit(next.node, next.origin);
  }

  #reach(node: number, origin: ParseSet | typeof here): void {
    const key = `${node},${origin === here ? "" : origin.id}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#limit();
    this.#open.push({ node, origin });
  }

  #visit(index: number, origin: ParseSet | typeof here): void {
    const node = this.network.nodes[index]!;
    for (const to of node.free) this.#reach(to, origin);
    for (const { state, to } of node.terminals) {
      this.#item(state, to, origin);
      if (this.bytes.isFinal(state)) this.#reach(to, origin);
    }
    for (const { rule, to } of node.calls) {
      const callers = this.callers.get(rule);
      if (callers) callers.push({ to, origin });
      else {
        this.callers.set(rule, [{ to, origin }]);
        this.#reach(this.network.rules[rule]!.start, here);
      }
      if (this.#empty.has(rule)) this.#reach(to, origin);
    }
    const ended = this.#ruleAt.get(index);
    if (ended !== undefined) this.#complete(ended, origin);
  }

  #complete(rule: number, origin: ParseSet | typeof here): void {
    if (origin === here) this.#empty.add(rule);
    const callers = origin === here ? this.callers : origin.callers;
    for (const { to, origin: caller } of callers.get(rule) ?? [])
      this.#reach(to, caller === here ? origin : caller);
    if (rule === 0 && (origin === here ? this.#isStart : isStart(origin))) this.accepting = true;
  }

  #item(state: number, to: number, origin: ParseSet | typeof here): void {
    if (!this.moves(state)) return;
    const key = `i${state},${to},${origin === here ? "" : origin.id}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#limit();
    this.items.push({ state, to, origin });
  }

  #limit(): void {
    this.bytes.fuel.burn();
    if (this.#seen.size > limits.parseItems) throw tooComplex("it is too ambiguous");
  }
}

/** Only the first set has nothing before it: its number tells. */
const isStart = (set: ParseSet) => set.id === 0;

const endsByNetwork = new WeakMap<Network, ReadonlyMap<number, number>>();

function ruleEnds(network: Network): ReadonlyMap<number, number> {
  let ends = endsByNetwork.get(network);
  if (!ends) {
    ends = new Map(network.rules.map(({ end }, rule) => [end, rule]));
    endsByNetwork.set(network, ends);
  }
  return ends;
}
