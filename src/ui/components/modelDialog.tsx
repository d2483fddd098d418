/** Opening another model: a file, an address, or one of a few that are known to run. */

import { useId, useRef, useState } from "preact/hooks";
import { useApp, useMessages } from "../appContext.ts";
import { formatBytes } from "../i18n/index.ts";
import { builtinUrl, choiceName, type ModelChoice, parseModelAddress, suggestions } from "../state/models.ts";
import { useStore } from "../state/store.ts";
import { Dialog } from "./dialog.tsx";
import { Icon } from "./icon.tsx";

export function ModelDialog({ onClose }: { onClose: () => void }) {
  const messages = useMessages();
  const { session } = useApp();
  const current = useStore(session.store, (state) => state.current?.choice);
  const file = useRef<HTMLInputElement>(null);
  const ids = { address: useId(), hint: useId() };
  const [address, setAddress] = useState("");
  const [invalid, setInvalid] = useState(false);

  const open = (choice: ModelChoice) => {
    onClose();
    void session.open(choice);
  };
  const isCurrent = (choice: ModelChoice) =>
    current?.kind === choice.kind &&
    (choice.kind !== "url" || (current.kind === "url" && current.url === choice.url));

  const rows: { choice: ModelChoice; name: string; about: string; size: string }[] = [
    {
      choice: { kind: "builtin" },
      name: choiceName({ kind: "builtin" }),
      about: messages.builtinAbout,
      size: "",
    },
    ...suggestions.map(({ url, name, about, sizeBytes }) => ({
      choice: { kind: "url" as const, url },
      name,
      about: messages.about[about],
      size: formatBytes(messages, sizeBytes),
    })),
  ];
  return (
    <Dialog title={messages.openModel} onClose={onClose}>
      <p class="aside">{messages.modelDialogLead}</p>
      <input
        ref={file}
        type="file"
        accept=".gguf,.bin,.safetensors"
        hidden
        aria-label={messages.chooseFile}
        onChange={(event) => {
          const picked = event.currentTarget.files?.[0];
          if (picked) open({ kind: "file", file: picked });
        }}
      />
      <button type="button" class="file-zone" onClick={() => file.current?.click()}>
        <Icon name="file" />
        <span>
          <strong>{messages.chooseFile}</strong>
          <span class="aside">{messages.chooseFileNote}</span>
        </span>
      </button>
      <form
        class="address"
        onSubmit={(event) => {
          event.preventDefault();
          const url = parseModelAddress(address, document.baseURI);
          if (url) open({ kind: "url", url });
          else setInvalid(true);
        }}
      >
        <label for={ids.address}>{messages.addressLabel}</label>
        <div class="address-line">
          <input
            id={ids.address}
            type="text"
            inputMode="url"
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            placeholder={messages.addressHint}
            value={address}
            aria-invalid={invalid}
            aria-describedby={invalid ? ids.hint : undefined}
            onInput={(event) => {
              setAddress(event.currentTarget.value);
              setInvalid(false);
            }}
          />
          <button type="submit" class="button primary">
            {messages.open}
          </button>
        </div>
        {invalid && (
          <p id={ids.hint} class="field-error" role="alert">
            {messages.addressInvalid}
          </p>
        )}
      </form>
      <h3>{messages.suggestionsLabel}</h3>
      <ul class="model-list">
        {rows.map(({ choice, name, about, size }) => (
          <li key={choice.kind === "url" ? choice.url : builtinUrl}>
            <div class="model-about">
              <strong>{name}</strong>
              <span class="model-note">{about}</span>
            </div>
            <span class="model-size">{size}</span>
            {isCurrent(choice) ? (
              <span class="tag">{messages.inUse}</span>
            ) : (
              <button
                type="button"
                class="button"
                aria-label={messages.openOf(name)}
                onClick={() => open(choice)}
              >
                {messages.open}
              </button>
            )}
          </li>
        ))}
      </ul>
      <p class="aside">{messages.downloadNote}</p>
    </Dialog>
  );
}
