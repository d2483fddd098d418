/**
 * Grammars for structured output: from what a request asks for to what limits the engine's tokens. Loaded only when a
 * request asks.
 *
 * Our own and not `@mlc-ai/web-xgrammar` (0.1.27 was weighed): it is 394 KB gzipped around a WebAssembly module, which a
 * strict Content-Security-Policy refuses; it is no module that Node or a worker can import as it is; and it enforces
 * schemas loosely (decimal bounds, `exclusiveMinimum`, `multipleOf`, a pattern beside a length, patterns that are not
 * anchored, `additionalProperties` beside `properties`, `oneOf` and `allOf` are wrong or ignored), which would have left
 * us all of `schema/` to write.
 */

import { invalidRequest, OmniError } from "../errors.ts";
import type { Tokenizer } from "../text/types.ts";
import { GrammarConstraint } from "./constraint.ts";
import { parseEbnf } from "./ebnf.ts";
import { tooComplex } from "./limits.ts";
import { GrammarMasks, TerminalMasks } from "./masks.ts";
import { Parser } from "./parser.ts";
import { ByteAutomaton } from "./regex/byteAutomaton.ts";
import { parseRegex } from "./regex/parse.ts";
import type { Regex } from "./regex/regex.ts";
import { buildNetwork, type Rules } from "./rules.ts";
import { schemaRules } from "./schema/schemaRules.ts";
import { type TokenTrie, tokenTrie } from "./tokenTrie.ts";

/** What the text has to match; `param` is the request field that says so, for errors. */
export type GrammarSource = { param: string } & (
  | { kind: "json_schema"; schema: unknown }
  | { kind: "json_object" }
  | { kind: "regex"; pattern: string }
  | { kind: "ebnf"; grammar: string }
  | { kind: "choice"; choices: readonly string[] }
);

export interface CompiledGrammar {
  /**
   * A constraint at the beginning of a text.
   * @param first whether the text is the first that the detokenizer sees (it may drop a space there)
   */
  start(first: boolean): GrammarConstraint;
}

/** What the grammars of one tokenizer share. */
class Workshop {
  readonly bytes = new ByteAutomaton();
  readonly trie: TokenTrie;
  readonly terminals: TerminalMasks;
  readonly compiled = new Map<string, CompiledGrammar>();

  constructor(tokenizer: Tokenizer) {
    this.trie = tokenTrie(tokenizer);
    this.terminals = new TerminalMasks(this.bytes, this.trie);
  }

  /** Hostile or many grammars have filled it: the next one gets a new one. */
  get isWorn(): boolean {
    return this.bytes.size > 100_000 || this.bytes.regexes.size > 500_000 || this.compiled.size > 50;
  }
}

const workshops = new WeakMap<Tokenizer, Workshop>();

/**
 * Compiles a grammar, or finds it compiled.
 * @throws OmniError `invalid_request` where it is wrong, cannot be enforced faithfully, matches nothing, or is too complex
 */
export function compileGrammar(source: GrammarSource, tokenizer: Tokenizer): CompiledGrammar {
  const known = workshops.get(tokenizer);
  const workshop = known && !known.isWorn ? known : new Workshop(tokenizer);
  workshops.set(tokenizer, workshop);
  const key = JSON.stringify(source);
  let compiled = workshop.compiled.get(key);
  if (!compiled) {
    compiled = guarded(source.param, () => compile(source, workshop));
    workshop.compiled.set(key, compiled);
  }
  return compiled;
}

function compile(source: GrammarSource, { bytes, trie, terminals }: Workshop): CompiledGrammar {
  bytes.fuel.refill();
  const network = buildNetwork(rulesOf(source, bytes), bytes);
  if (!network)
    throw invalidRequest(
      `Invalid '${source.param}': no text can match it, or none can be found.`,
      source.param,
      "invalid_grammar",
    );
  const masks = new GrammarMasks(new Parser(network, bytes), trie, bytes, terminals);
  // A grammar that costs too much, or that this vocabulary cannot spell, mostly shows at its first token.
  new GrammarConstraint(masks, false).mask();
  return { start: (first) => new GrammarConstraint(masks, first) };
}

function rulesOf(source: GrammarSource, bytes: ByteAutomaton): Rules {
  const { param } = source;
  const { regexes } = bytes;
  const single = (regex: Regex): Rules => ({
    root: "root",
    define: () => ({ kind: "terminal", regex, encoding: "utf8" }),
  });
  switch (source.kind) {
    case "json_schema":
      return schemaRules(source.schema, bytes, param);
    case "json_object":
      return schemaRules({ type: "object" }, bytes, param);
    case "ebnf":
      return parseEbnf(source.grammar, bytes, param);
    case "regex":
      return single(parseRegex(source.pattern, "full", regexes, param));
    case "choice":
      return single(regexes.alt(...source.choices.map((text) => regexes.literal(text))));
  }
}

/** Errors name the field; a recursion that goes too deep is one, too. */
function guarded<T>(param: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) throw withParam(tooComplex("it is nested too deeply"), param);
    if (error instanceof OmniError && error.param === undefined) throw withParam(error, param);
    throw error;
  }
}

const withParam = ({ message, detail }: OmniError, param: string) =>
  invalidRequest(`Invalid '${param}': ${message}`, param, detail);
