/**
 * Runs a chat template within bounds. A template comes with a model file from anywhere; it must not hang
 * the worker or eat its memory. Every evaluated node counts, and values are checked as they arise; a single
 * built-in call can still cost up to what its (bounded) arguments make possible.
 */

import { Environment, Interpreter, Template } from "@huggingface/jinja";

export interface TemplateLimits {
  steps: number;
  elapsedMs: number;
  /** Of any string, in UTF-16 units. */
  stringLength: number;
  listLength: number;
}

/** Far above what chat templates need: a thousand messages take some hundred thousand steps. */
export const templateLimits: TemplateLimits = {
  steps: 2_000_000,
  elapsedMs: 5_000,
  stringLength: 1 << 25,
  listLength: 1 << 20,
};

/** The template called `raise_exception`. */
export class TemplateRefusal extends Error {}

/** The template went beyond its limits. */
export class TemplateLimitError extends Error {}

type Evaluate = Interpreter["evaluate"];

class BoundedInterpreter extends Interpreter {
  #steps = 0;
  readonly #startMs = performance.now();
  readonly #limits: TemplateLimits;

  constructor(environment: Environment, limits: TemplateLimits) {
    super(environment);
    this.#limits = limits;
  }

  override evaluate(...[statement, environment]: Parameters<Evaluate>): ReturnType<Evaluate> {
    const { steps, elapsedMs, stringLength, listLength } = this.#limits;
    if (++this.#steps > steps || performance.now() - this.#startMs > elapsedMs)
      throw new TemplateLimitError("it does not come to an end");
    const result = super.evaluate(statement, environment);
    const { value } = result;
    if (typeof value === "string" && value.length > stringLength)
      throw new TemplateLimitError(`it builds a text of more than ${stringLength} characters`);
    if (Array.isArray(value) && value.length > listLength)
      throw new TemplateLimitError(`it builds a list of more than ${listLength} items`);
    return result;
  }
}

/** @throws TemplateRefusal, TemplateLimitError, or any Error for a mistake in the template */
export function runTemplate(
  template: Template,
  variables: Readonly<Record<string, unknown>>,
  limits = templateLimits,
): string {
  const environment = new Environment();
  for (const [name, value] of Object.entries(globals(limits))) environment.set(name, value);
  for (const [name, value] of Object.entries(variables)) environment.set(name, value);
  return String(new BoundedInterpreter(environment, limits).run(template.parsed).value);
}

function globals(limits: TemplateLimits): Record<string, unknown> {
  return {
    true: true,
    false: false,
    none: null,
    True: true,
    False: false,
    None: null,
    raise_exception: (message: unknown) => {
      throw new TemplateRefusal(String(message));
    },
    range: (...bounds: number[]) => range(bounds, limits.listLength),
    // The library has it, but only for templates that it runs itself.
    strftime_now: (format: string) => new Template("{{ strftime_now(format) }}").render({ format }),
  };
}

/** Python's, with a bound: `range(1e12)` must not be built. */
function range(bounds: readonly number[], maxLength: number): number[] {
  if (bounds.length === 0 || bounds.length > 3 || !bounds.every(Number.isInteger))
    throw new Error("range() takes one to three integers");
  const [start, stop] = bounds.length === 1 ? [0, bounds[0]!] : [bounds[0]!, bounds[1]!];
  const step = bounds[2] ?? 1;
  if (step === 0) throw new Error("range() takes no step of zero");
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (length > maxLength) throw new TemplateLimitError(`it builds a list of more than ${maxLength} items`);
  return Array.from({ length }, (_, i) => start + i * step);
}
