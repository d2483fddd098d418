/** Settings: system prompt, sampling, language, theme. Every change counts at once. */

import { useId, useState } from "preact/hooks";
import { useApp, useMessages } from "../appContext.ts";
import { formatNumber } from "../i18n/index.ts";
import {
  defaultSampling,
  maxSystemPromptChars,
  parseSamplingText,
  type Sampling,
  type Settings,
  samplingFields,
  samplingRanges,
} from "../state/settings.ts";
import { useStore } from "../state/store.ts";
import { Dialog } from "./dialog.tsx";

export function SettingsDialog({ onClose }: { onClose: () => void }) {
  const messages = useMessages();
  const { settings } = useApp();
  const state = useStore(settings, (all) => all);
  const ids = { prompt: useId(), hint: useId() };
  // Resetting replaces the fields, and with them what was typed but is not valid.
  const [resets, setResets] = useState(0);
  return (
    <Dialog title={messages.settings} onClose={onClose}>
      <label class="section-label" for={ids.prompt}>
        {messages.systemPrompt}
      </label>
      <textarea
        id={ids.prompt}
        class="system-prompt"
        rows={3}
        maxLength={maxSystemPromptChars}
        aria-describedby={ids.hint}
        value={state.systemPrompt}
        onInput={(event) => settings.update({ systemPrompt: event.currentTarget.value })}
      />
      <p id={ids.hint} class="aside">
        {messages.systemPromptHint}
      </p>
      <div class="section-head">
        <h3>{messages.sampling}</h3>
        <button
          type="button"
          class="text-button"
          onClick={() => {
            settings.update({ sampling: defaultSampling });
            setResets(resets + 1);
          }}
        >
          {messages.resetSampling}
        </button>
      </div>
      <div class="fields">
        {samplingFields.map((field) => (
          <SamplingField key={`${field}${resets}`} field={field} />
        ))}
      </div>
      <h3>{messages.appearance}</h3>
      <Choice
        label={messages.theme}
        value={state.theme}
        options={[
          ["auto", messages.auto],
          ["light", messages.light],
          ["dark", messages.dark],
        ]}
        onPick={(theme) => settings.update({ theme })}
      />
      <Choice
        label={messages.language}
        value={state.language}
        options={[
          ["auto", messages.auto],
          ["en", "English"],
          ["zh", "简体中文"],
        ]}
        onPick={(language) => settings.update({ language })}
      />
      <h3>{messages.shortcuts}</h3>
      <dl class="shortcuts">
        <Shortcut keys={["Enter"]} what={messages.shortcutSend} />
        <Shortcut keys={["Shift", "Enter"]} what={messages.shortcutNewline} />
        <Shortcut keys={["Esc"]} what={messages.shortcutStop} />
        <Shortcut keys={[isApple() ? "⌥" : "Alt", "M"]} what={messages.shortcutTalk} />
        <Shortcut keys={[isApple() ? "⌘" : "Ctrl", "Shift", "O"]} what={messages.shortcutNew} />
      </dl>
    </Dialog>
  );
}

function isApple(): boolean {
  return /Mac|iPhone|iPad/.test(navigator.platform);
}

function Shortcut({ keys, what }: { keys: string[]; what: string }) {
  return (
    <div>
      <dt>{what}</dt>
      <dd>
        {keys.map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
      </dd>
    </div>
  );
}

function SamplingField({ field }: { field: keyof Sampling }) {
  const messages = useMessages();
  const { settings } = useApp();
  const value = useStore(settings, (state) => state.sampling[field]);
  const { min, max, step, optional } = samplingRanges[field];
  const [text, setText] = useState(value === undefined ? "" : String(value));
  const invalid = "invalid" in parseSamplingText(field, text);
  const ids = { input: useId(), hint: useId() };
  const range = (step < 1 ? messages.outOfRange : messages.wholeOutOfRange)(
    String(min),
    formatNumber(messages, max),
  );
  return (
    <div class="field">
      <label for={ids.input}>{messages.fields[field]}</label>
      <input
        id={ids.input}
        type="text"
        inputMode={step < 1 ? "decimal" : "numeric"}
        autocomplete="off"
        value={text}
        placeholder={optional ? messages.auto : undefined}
        aria-invalid={invalid}
        aria-describedby={ids.hint}
        onInput={(event) => {
          const typed = event.currentTarget.value;
          setText(typed);
          const parsed = parseSamplingText(field, typed);
          if ("value" in parsed)
            settings.update({ sampling: { ...settings.state.sampling, [field]: parsed.value } });
        }}
      />
      <p id={ids.hint} class={invalid ? "field-error" : "aside"}>
        {invalid ? range : messages.hints[field]}
      </p>
    </div>
  );
}

interface ChoiceProps<T extends Settings["theme"] | Settings["language"]> {
  label: string;
  value: T;
  options: [T, string][];
  onPick: (value: T) => void;
}

function Choice<T extends Settings["theme"] | Settings["language"]>(props: ChoiceProps<T>) {
  const name = useId();
  return (
    <fieldset class="choice">
      <legend>{props.label}</legend>
      <div class="segments">
        {props.options.map(([value, label]) => (
          <label key={value}>
            <input
              type="radio"
              name={name}
              checked={value === props.value}
              onChange={() => props.onPick(value)}
            />
            <span>{label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
