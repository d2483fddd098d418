/** Messages to prompt tokens, by the Jinja template that the model file brings (`tokenizer.chat_template`). */

import { Template } from "@huggingface/jinja";
import { badModelFile, invalidRequest, OmniError } from "../errors.ts";
import { defaultTemplate } from "./defaultTemplates.ts";
import { Disguise } from "./disguise.ts";
import { runTemplate, TemplateLimitError, TemplateRefusal } from "./templateInterpreter.ts";
import type { ChatTemplate, RenderOptions, TemplateMessage, Tokenizer } from "./types.ts";

export interface ChatTemplateOptions {
  /** Texts of the variables `bos_token` and `eos_token`. Default: those of the tokenizer. */
  bosToken?: string;
  eosToken?: string;
}

const templateKey = "tokenizer.chat_template";
/** The longest templates in use have some 30,000 characters; parsing takes time by the square. */
const maxSourceLength = 200_000;
const knownRoles = new Set(["system", "developer", "user", "assistant", "tool", "function"]);

/**
 * @param source undefined for a file without a template: then ChatML, Llama 3, Gemma, Phi-3 or [INST] turns
 *   where the vocabulary has their tokens, else "User: … Assistant: …"
 * @throws OmniError `bad_model_file` that names `tokenizer.chat_template` where it is no valid Jinja
 */
export function createChatTemplate(
  source: string | undefined,
  tokenizer: Tokenizer,
  options: ChatTemplateOptions = {},
): ChatTemplate {
  return new JinjaChatTemplate(source ?? defaultTemplate(tokenizer.specialTokens), tokenizer, options);
}

class JinjaChatTemplate implements ChatTemplate {
  readonly source: string;
  readonly #template: Template;
  readonly #tokenizer: Tokenizer;
  readonly #disguise: Disguise;
  readonly #bosToken: string;
  readonly #eosToken: string;

  constructor(source: string, tokenizer: Tokenizer, options: ChatTemplateOptions) {
    this.source = source;
    this.#template = parse(source);
    this.#tokenizer = tokenizer;
    this.#disguise = new Disguise(tokenizer);
    const textOf = (token: number | undefined) =>
      token === undefined ? "" : tokenizer.decode([token], { skipSpecial: false });
    this.#bosToken = options.bosToken ?? textOf(tokenizer.bosToken);
    this.#eosToken = options.eosToken ?? textOf(tokenizer.eosToken);
  }

  tokens(messages: readonly TemplateMessage[], options: RenderOptions = {}): number[] {
    const { bosToken, addBos } = this.#tokenizer;
    const tokens = this.#tokenizer.encode(this.#render(messages, options), {
      special: true,
      reveal: this.#disguise.reveal,
    });
    // Most templates write the begin-of-text token themselves.
    if (addBos && bosToken !== undefined && tokens[0] !== bosToken) tokens.unshift(bosToken);
    return tokens;
  }

  text(messages: readonly TemplateMessage[], options: RenderOptions = {}): string {
    return this.#disguise.reveal(this.#render(messages, options));
  }

  #render(messages: readonly TemplateMessage[], options: RenderOptions): string {
    const { addGenerationPrompt = true, tools, variables = {} } = options;
    try {
      return runTemplate(this.#template, {
        ...this.#disguise.hide(variables),
        messages: messages.map((message) => this.#hide(message)),
        tools: tools === undefined ? null : this.#disguise.hide(tools),
        add_generation_prompt: addGenerationPrompt,
        bos_token: this.#bosToken,
        eos_token: this.#eosToken,
      });
    } catch (error) {
      throw this.#explain(error);
    }
  }

  #hide(message: TemplateMessage): TemplateMessage {
    const hidden = this.#disguise.hide(message, message.role === "assistant");
    // Templates compare these with words of their own and build tokens of them.
    return knownRoles.has(message.role) ? { ...hidden, role: message.role } : hidden;
  }

  #explain(error: unknown): OmniError {
    if (error instanceof OmniError) return error;
    const message = this.#disguise.reveal(error instanceof Error ? error.message : String(error));
    if (error instanceof TemplateLimitError)
      return badModelFile(`The chat template was stopped: ${message}.`, templateKey, error);
    const prefix = error instanceof TemplateRefusal ? "refuses the messages" : "fails on the messages";
    return invalidRequest(`The model's chat template ${prefix}: ${message}`, "messages");
  }
}

function parse(source: string): Template {
  if (source.length > maxSourceLength)
    throw badModelFile(`The chat template has ${source.length} characters.`, templateKey);
  try {
    return new Template(source);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw badModelFile(`The chat template is no valid Jinja: ${message}`, templateKey, error);
  }
}
