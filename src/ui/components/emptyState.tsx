/** What a new conversation starts from. */

import { useApp, useMessages } from "../appContext.ts";
import { isReady } from "../state/session.ts";
import { useStore } from "../state/store.ts";
import { Mark } from "./icon.tsx";

export function EmptyState({ onPick }: { onPick: (prompt: string) => void }) {
  const messages = useMessages();
  const { session, view } = useApp();
  const current = useStore(session.store, (state) => state.current);
  const ready = useStore(session.store, isReady);
  const writes = current?.inputs.includes("text");
  const isBuiltin = current?.choice.kind === "builtin";
  return (
    <div class="scroller">
      <div class="empty column">
        <Mark />
        <h1>{messages.emptyTitle}</h1>
        <p class="lead">{messages.emptyLead}</p>
        <ul class="samples" aria-label={messages.samplesLabel}>
          {messages.samples.map(({ label, prompt }) => (
            <li key={prompt}>
              <button
                type="button"
                class="sample"
                disabled={!ready || !writes}
                onClick={() => onPick(prompt)}
              >
                <span class="sample-label">{label}</span>
                <span class="sample-prompt">{prompt}</span>
              </button>
            </li>
          ))}
        </ul>
        {isBuiltin && (
          <p class="tiny-note">
            {messages.emptyTiny(current.name)}{" "}
            <button type="button" class="link" onClick={() => view.update({ dialog: "model" })}>
              {messages.emptyTinyMore}
            </button>
          </p>
        )}
      </div>
    </div>
  );
}
