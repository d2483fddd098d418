/** Messages to prompt tokens, by the Jinja template that the model file brings (`tokenizer.chat_template`). */

import { Template } from "@huggingface/jinja";
import { badModelFile, invalidRequest, OmniError } from "../errors.ts";
import { defaultTemplate } from "./defaultTemplates.ts";
import { Disguise, mediaMark } from "./disguise.ts";
import { runTemplate, TemplateLimitError, TemplateRefusal } from "./templateInterpreter.ts";
import type { ChatTemplate, PromptMedia, RenderOptions, TemplateMessage, Tokenizer } from "./types.ts";

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

/** Numbers of the pictures and sounds in messages, in order. */
function mediaOf(messages: readonly TemplateMessage[]): number[] {
  return messages.flatMap(({ content }) =>
    content === null || typeof content === "string"
      ? []
      : content.flatMap((part) => (part.type === "media" ? part.index : [])),
  );
}

class JinjaChatTemplate implements ChatTemplate {
  readonly source: string;
  readonly #template: Template;
  readonly #tokenizer: Tokenizer;
  readonly #disguise: Disguise;
  readonly #bosToken: string;
  readonly #eosToken: string;
  #textVanishes: boolean | undefined;

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
    const tokens = this.#marked(messages, options) ?? this.#withMedia(messages, options);
    // Most templates write the begin-of-text token themselves.
    if (addBos && bosToken !== undefined && tokens[0] !== bosToken) tokens.unshift(bosToken);
    return tokens;
  }

  text(messages: readonly TemplateMessage[], options: RenderOptions = {}): string {
    const text = this.#render(messages, options, "text").replaceAll(mediaMark, "");
    return this.#disguise.reveal(text);
  }

  /** Special tokens count; what users wrote has none. */
  #encode(text: string): number[] {
    return this.#tokenizer.encode(text, { special: true, reveal: this.#disguise.reveal });
  }

  /** Tokens by a template that writes a placeholder for each picture or sound; undefined where it does not. */
  #marked(messages: readonly TemplateMessage[], options: RenderOptions): number[] | undefined {
    const { media = [] } = options;
    if (!this.#typed || media.length === 0) return undefined;
    const ids = media.map(({ placeholder }) =>
      placeholder === undefined ? undefined : this.#tokenizer.specialTokens.get(placeholder),
    );
    if (ids.includes(undefined)) return undefined;
    const used = mediaOf(messages);
    const tokens = this.#encode(this.#render(messages, options, "typed"));
    const placeholders = new Set(ids);
    const found = tokens.filter((token) => placeholders.has(token));
    // In order and of the right kinds, or the template does not know them.
    if (found.length !== used.length || found.some((token, i) => token !== ids[used[i]!])) return undefined;
    let next = 0;
    return tokens.flatMap((token) =>
      placeholders.has(token) ? this.#piecesOf(media[used[next++]!]!.pieces) : token,
    );
  }

  /** Tokens by a template that knows nothing of pictures and sounds: a mark goes through it as a part of the text. */
  #withMedia(messages: readonly TemplateMessage[], options: RenderOptions): number[] {
    const texts = this.#render(messages, options, "text").split(mediaMark);
    const used = mediaOf(messages);
    if (texts.length !== used.length + 1)
      throw invalidRequest(
        `The model's chat template leaves out pictures or sounds: ${used.length} were given and ${texts.length - 1} are in the prompt.`,
        "messages",
      );
    return texts.flatMap((text, i) => {
      const { pieces = [], around: [before, behind] = ["", ""] } = options.media?.[used[i]!] ?? {};
      const after = this.#piecesOf([before, ...pieces, behind].filter((piece) => piece !== ""));
      return [...(text === "" ? [] : this.#encode(text)), ...after];
    });
  }

  #piecesOf(pieces: PromptMedia["pieces"]): number[] {
    return pieces.flatMap((piece) =>
      typeof piece === "string" ? this.#tokenizer.encode(piece, { special: true }) : piece,
    );
  }

  #render(messages: readonly TemplateMessage[], options: RenderOptions, parts: "typed" | "text"): string {
    const { addGenerationPrompt = true, tools, variables = {}, media = [] } = options;
    try {
      return runTemplate(this.#template, {
        ...this.#disguise.hide(variables),
        messages: messages.map((message) => this.#hide(message, media, parts)),
        tools: tools === undefined ? null : this.#disguise.hide(tools),
        add_generation_prompt: addGenerationPrompt,
        bos_token: this.#bosToken,
        eos_token: this.#eosToken,
      });
    } catch (error) {
      throw this.#explain(error);
    }
  }

  #hide(
    { content, ...message }: TemplateMessage,
    media: readonly PromptMedia[],
    parts: "typed" | "text",
  ): object {
    const isAssistant = message.role === "assistant";
    const text = (value: string) => this.#disguise.hide(value, isAssistant);
    let shown: unknown = typeof content === "string" ? text(content) : content;
    if (typeof content === "string" && content !== "" && this.#needsParts)
      shown = [{ type: "text", text: text(content) }];
    else if (content !== null && typeof content === "object") {
      const list = content.map((part) => {
        if (part.type === "text") return { type: "text", text: text(part.text) };
        return parts === "typed" ? { type: media[part.index]!.kind } : { type: "text", text: mediaMark };
      });
      shown = this.#typed ? list : list.map((part) => part.text ?? "").join("");
    }
    const hidden = { ...(this.#disguise.hide(message, isAssistant) as object), content: shown };
    // Templates compare these with words of their own and build tokens of them.
    return knownRoles.has(message.role) ? { ...hidden, role: message.role } : hidden;
  }

  /** Whether the template looks at the types of a message's parts. */
  get #typed(): boolean {
    return /(\[\s*['"]type['"]\s*\]|\.type\b)\s*==/.test(this.source);
  }

  /** Whether a message's text must come as a part: as a mere string it does not reach the prompt. */
  get #needsParts(): boolean {
    if (this.#textVanishes === undefined) {
      this.#textVanishes = false;
      const probe = "needle";
      const rendered = () =>
        this.#render([{ role: "user", content: probe }], { addGenerationPrompt: false }, "text");
      try {
        this.#textVanishes = this.#typed && !rendered().includes(probe);
      } catch {
        this.#textVanishes = this.#typed;
      }
    }
    return this.#textVanishes;
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
