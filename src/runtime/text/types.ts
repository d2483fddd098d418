/** What the rest of the runtime needs to know of a tokenizer and a chat template. */

export interface EncodeOptions {
  /**
   * Whether characters that spell a special token become that token. Off for anything a user wrote;
   * on only for text whose special tokens come from the chat template or an explicit request.
   * @default false
   */
  special?: boolean;
  /** Adds the begin-of-text token where the vocabulary asks for one (`add_bos_token`). @default false */
  addBos?: boolean;
  /**
   * Rewrites each piece of text between special tokens before it is tokenized; such pieces then contain no
   * special token at all, whatever they spell. For the chat template, which disguises what users wrote.
   */
  reveal?: (text: string) => string;
}

export interface DecodeOptions {
  /** Leaves control tokens such as `<|im_end|>` out of the text. @default true */
  skipSpecial?: boolean;
  /**
   * Whether the tokens go on a text whose beginning is not among them. SentencePiece vocabularies put a
   * space before a text's first word, which is dropped at the beginning and kept in a continuation.
   * @default false
   */
  continuation?: boolean;
}

export interface Tokenizer {
  /** Number of token ids, V. */
  readonly vocabSize: number;
  readonly bosToken: number | undefined;
  readonly eosToken: number | undefined;
  /** Every token that ends a generation: eos, end of turn, end of text. */
  readonly endTokens: ReadonlySet<number>;
  /** Whether prompts start with {@link bosToken}. */
  readonly addBos: boolean;
  /** Control, unknown and user-defined tokens by their text; only the last are spelled by ordinary text. */
  readonly specialTokens: ReadonlyMap<string, number>;

  encode(text: string, options?: EncodeOptions): number[];
  decode(tokens: readonly number[], options?: DecodeOptions): string;
  /** The bytes a token stands for: possibly a part of a UTF-8 character; a control token's own name. */
  tokenBytes(token: number): Uint8Array;
  /** Whether the token is a control token: never spelled by ordinary text, never shown by default. */
  isSpecial(token: number): boolean;
  /** A decoder for one stream of tokens. */
  stream(options?: DecodeOptions): StreamingDetokenizer;
}

/** Turns tokens into text as they come; never emits a part of a character. */
export interface StreamingDetokenizer {
  /** The text that this token completes, possibly empty. */
  push(token: number): string;
  /** The rest: U+FFFD for an unfinished character. */
  flush(): string;
}

/** A chat message as the template sees it (already validated by `api/`). */
export interface TemplateMessage {
  role: string;
  content: string | null | readonly MessagePart[];
  name?: string;
  tool_calls?: unknown[];
  tool_call_id?: string;
  [extra: string]: unknown;
}

/** A part of a message: text, or one of {@link RenderOptions.media}. */
export type MessagePart = { type: "text"; text: string } | { type: "media"; index: number };

/** What stands in a prompt for a picture, a sound or a video. */
export interface PromptMedia {
  kind: "image" | "audio" | "video";
  /** Texts, whose special tokens count, and tokens. */
  pieces: readonly (string | readonly number[])[];
  /** The special token that templates of such models write for one. */
  placeholder?: string | undefined;
  /** Texts that such templates write around it, for those that write none. */
  around?: readonly [string, string] | undefined;
}

export interface RenderOptions {
  /** Ends the prompt where the assistant's answer starts. @default true */
  addGenerationPrompt?: boolean;
  tools?: unknown[];
  /** Of messages' parts. */
  media?: readonly PromptMedia[];
  /** More variables for the template, e.g. `enable_thinking`. */
  variables?: Record<string, unknown>;
}

export interface ChatTemplate {
  /** The Jinja source. */
  readonly source: string;
  /**
   * Renders messages to prompt tokens. Special tokens come from the template alone: the same
   * characters in a message stay text.
   * @throws OmniError `invalid_request` where the template refuses the messages
   */
  tokens(messages: readonly TemplateMessage[], options?: RenderOptions): number[];
  /** The same as text, for display and debugging. */
  text(messages: readonly TemplateMessage[], options?: RenderOptions): string;
}
