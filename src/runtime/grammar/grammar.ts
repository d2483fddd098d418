/** What the API loads when a request asks for it: one chunk of its own. */

export { compileGrammar } from "./compile.ts";
export { ReasoningConstraint } from "./reasoning.ts";
