/** Chat templates for files that bring none, chosen by the special tokens of the vocabulary. */

const chatMl = `{%- for message in messages -%}
{{ '<|im_start|>' + message.role + '\\n' + (message.content or '') + '<|im_end|>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}`;

const llama3 = `{{- bos_token -}}
{%- for message in messages -%}
{{ '<|start_header_id|>' + message.role + '<|end_header_id|>\\n\\n' + (message.content or '') + '<|eot_id|>' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif -%}`;

const gemma = `{{- bos_token -}}
{%- for message in messages -%}
{%- set role = 'model' if message.role == 'assistant' else 'user' -%}
{{ '<start_of_turn>' + role + '\\n' + (message.content or '') + '<end_of_turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}`;

const phi3 = `{{- bos_token -}}
{%- for message in messages -%}
{%- set role = message.role if message.role in ['assistant', 'system'] else 'user' -%}
{{ '<|' + role + '|>\\n' + (message.content or '') + '<|end|>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|assistant|>\\n' }}{%- endif -%}`;

const inst = `{{- bos_token -}}
{%- for message in messages -%}
{%- if message.role == 'assistant' -%}{{ ' ' + (message.content or '') + eos_token }}
{%- elif message.role == 'system' -%}{{ '[INST] <<SYS>>\\n' + (message.content or '') + '\\n<</SYS>> [/INST]' }}
{%- else -%}{{ '[INST] ' + (message.content or '') + ' [/INST]' }}
{%- endif -%}
{%- endfor -%}`;

// A base model that was never taught turns: plain text that it has seen the like of.
const plain = `{%- for message in messages -%}
{%- if message.role == 'assistant' -%}{{ 'Assistant: ' + (message.content or '') + '\\n\\n' }}
{%- elif message.role == 'system' -%}{{ (message.content or '') + '\\n\\n' }}
{%- else -%}{{ 'User: ' + (message.content or '') + '\\n\\n' }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ 'Assistant:' }}{%- endif -%}`;

const bySpecialTokens: readonly [tokens: readonly string[], template: string][] = [
  [["<|im_start|>", "<|im_end|>"], chatMl],
  [["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"], llama3],
  [["<start_of_turn>", "<end_of_turn>"], gemma],
  [["<|user|>", "<|assistant|>", "<|end|>"], phi3],
  [["[INST]", "[/INST]"], inst],
];

/** Jinja source for a vocabulary with these special tokens. */
export function defaultTemplate(specialTokens: ReadonlyMap<string, number>): string {
  for (const [tokens, template] of bySpecialTokens) {
    if (tokens.every((token) => specialTokens.has(token))) return template;
  }
  return plain;
}
