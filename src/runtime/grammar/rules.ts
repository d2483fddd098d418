/**
 * Context-free grammars as recursive transition networks: each rule an automaton whose edges are terminals (regular
 * expressions) or calls of rules. Built from expressions, then cut down to what can be completed.
 */

import { limits, tooComplex } from "./limits.ts";
import { type ByteAutomaton, dead, type Encoding } from "./regex/byteAutomaton.ts";
import type { Regex } from "./regex/regex.ts";

/** What a rule is made of. */
export type Expression =
  | { kind: "terminal"; regex: Regex; encoding: Encoding }
  | { kind: "sequence" | "choice"; parts: readonly Expression[] }
  | { kind: "repeat"; of: Expression; min: number; max: number }
  | { kind: "call"; rule: string }
  /** States of its own making: for what is awkward as an expression. */
  | { kind: "network"; build: (network: NetworkBuilder, from: number, to: number) => void };

export const sequence = (...parts: Expression[]): Expression => ({ kind: "sequence", parts });
export const choice = (...parts: Expression[]): Expression => ({ kind: "choice", parts });
export const call = (rule: string): Expression => ({ kind: "call", rule });

export interface NetworkBuilder {
  /** A new node. */
  node(): number;
  /** A way from one node to another; without an expression a free one. */
  edge(from: number, to: number, expression?: Expression): void;
}

/** A node of the network. */
export interface Node {
  /** `state`: the byte automaton's, before the terminal. */
  terminals: { state: number; to: number }[];
  calls: { rule: number; to: number }[];
  free: number[];
}

export interface Network {
  nodes: readonly Node[];
  /** First and last node of each rule. The text's own rule is number 0. */
  rules: readonly { start: number; end: number }[];
}

/** Rules by name, made when they are first called. */
export interface Rules {
  /** The rule that the text has to match. */
  root: string;
  define(name: string): Expression;
}

/**
 * @returns undefined where no text can match
 * @throws OmniError `invalid_request` where the grammar is too large
 */
export function buildNetwork({ root, define }: Rules, bytes: ByteAutomaton): Network | undefined {
  const rules: { name: string; start: number; end: number }[] = [];
  const numbers = new Map<string, number>();
  const nodes: Node[] = [];
  const node = () => {
    if (nodes.length >= limits.nodes) throw tooComplex(`it has more than ${limits.nodes} nodes`);
    bytes.fuel.burn();
    return nodes.push({ terminals: [], calls: [], free: [] }) - 1;
  };
  const add = (from: number, to: number, expression?: Expression): void => {
    if (expression === undefined) {
      nodes[from]!.free.push(to);
      return;
    }
    switch (expression.kind) {
      case "terminal": {
        const { regex, encoding } = expression;
        const state = bytes.start(regex, encoding);
        if (state !== dead) nodes[from]!.terminals.push({ state, to });
        return;
      }
      case "call":
        nodes[from]!.calls.push({ rule: number(expression.rule), to });
        return;
      case "choice":
        for (const part of expression.parts) add(from, to, part);
        return;
      case "sequence": {
        expression.parts.forEach((part, index) => {
          const next = index === expression.parts.length - 1 ? to : node();
          add(from, next, part);
          from = next;
        });
        if (expression.parts.length === 0) add(from, to);
        return;
      }
      case "repeat": {
        const { of, min, max } = expression;
        for (let i = 0; i < min; i++) {
          const next = node();
          add(from, next, of);
          from = next;
        }
        if (max === Number.POSITIVE_INFINITY) {
          const loop = node();
          add(from, loop);
          add(loop, loop, of);
          add(loop, to);
          return;
        }
        for (let i = min; i < max; i++) {
          add(from, to);
          const next = node();
          add(from, next, of);
          from = next;
        }
        add(from, to);
        return;
      }
      case "network":
        expression.build({ node, edge: add }, from, to);
    }
  };
  const number = (name: string): number => {
    let known = numbers.get(name);
    if (known === undefined) {
      known = rules.push({ name, start: node(), end: node() }) - 1;
      numbers.set(name, known);
    }
    return known;
  };
  number(root);
  for (let next = 0; next < rules.length; next++) {
    const { name, start, end } = rules[next]!;
    add(start, end, define(name));
  }
  loopTailCalls(nodes, rules);
  return prune(nodes, rules) ? { nodes, rules } : undefined;
}

/** A rule that ends by calling itself goes round instead: a list does not grow the parser's state then. */
function loopTailCalls(nodes: readonly Node[], rules: Network["rules"]): void {
  const owner = owners(nodes, rules);
  const onlyEnds = (from: number, end: number) => {
    for (const seen = new Set<number>(); from !== end; ) {
      const { terminals, calls, free } = nodes[from]!;
      if (terminals.length + calls.length > 0 || free.length !== 1 || seen.has(from)) return false;
      seen.add(from);
      from = free[0]!;
    }
    return true;
  };
  nodes.forEach((node, index) => {
    const rule = owner[index]!;
    if (rule < 0) return;
    const { start, end } = rules[rule]!;
    node.calls = node.calls.filter((call) => {
      if (call.rule !== rule || index === start || !onlyEnds(call.to, end)) return true;
      node.free.push(start);
      return false;
    });
  });
}

function owners(nodes: readonly Node[], rules: Network["rules"]): Int32Array {
  const owner = new Int32Array(nodes.length).fill(-1);
  rules.forEach(({ start }, rule) => {
    const open = [start];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (owner[at] !== -1) continue;
      owner[at] = rule;
      const { terminals, calls, free } = nodes[at]!;
      open.push(...free);
      for (const { to } of [...terminals, ...calls]) open.push(to);
    }
  });
  return owner;
}

/** Removes edges from which no end can be reached; whether anything is left of the first rule. */
function prune(nodes: readonly Node[], rules: Network["rules"]): boolean {
  const before = nodes.map((): number[] => []);
  const callers = rules.map((): { from: number; to: number }[] => []);
  nodes.forEach(({ terminals, calls, free }, from) => {
    for (const { to } of terminals) before[to]!.push(from);
    for (const to of free) before[to]!.push(from);
    for (const { rule, to } of calls) callers[rule]!.push({ from, to });
  });
  const live = new Uint8Array(nodes.length);
  const open: number[] = [];
  const mark = (node: number) => {
    if (live[node]) return;
    live[node] = 1;
    open.push(node);
  };
  const ruleAt = new Map(rules.map(({ start }, rule) => [start, rule]));
  const returns = nodes.map((): { from: number; rule: number }[] => []);
  callers.forEach((list, rule) => {
    for (const { from, to } of list) returns[to]!.push({ from, rule });
  });
  for (const { end } of rules) mark(end);
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const from of before[at]!) mark(from);
    // A call counts when both the rule and what comes after it can be completed.
    for (const { from, rule } of returns[at]!) if (live[rules[rule]!.start]) mark(from);
    const rule = ruleAt.get(at);
    if (rule !== undefined) for (const { from, to } of callers[rule]!) if (live[to]) mark(from);
  }
  for (const node of nodes) {
    node.terminals = node.terminals.filter(({ to }) => live[to]);
    node.free = node.free.filter((to) => live[to]);
    node.calls = node.calls.filter(({ rule, to }) => live[to] && live[rules[rule]!.start]);
  }
  return live[rules[0]!.start] === 1;
}
