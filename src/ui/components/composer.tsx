/** Where the user writes. */

import { useEffect, useRef } from "preact/hooks";
import { useApp, useMessages } from "../appContext.ts";
import { isReady } from "../state/session.ts";
import { useStore } from "../state/store.ts";
import { autoGrow } from "./autoGrow.ts";
import { IconButton } from "./iconButton.tsx";

export const composerId = "message";

export interface ComposerProps {
  /** The draft, kept above so that a sample prompt can fill it. */
  draft: string;
  onDraft: (text: string) => void;
}

export function Composer({ draft, onDraft }: ComposerProps) {
  const messages = useMessages();
  const { chat, session } = useApp();
  const area = useRef<HTMLTextAreaElement>(null);
  const running = useStore(chat.store, (state) => state.running !== undefined);
  const ready = useStore(session.store, isReady);
  const name = useStore(session.store, (state) => state.current?.name ?? state.loading?.name ?? "");
  const currentId = useStore(useApp().conversations.store, (state) => state.currentId);

  useEffect(() => {
    // On a phone the focus would open the keyboard over half of the page.
    if (!matchMedia("(pointer: coarse)").matches) area.current?.focus();
  }, [currentId]);
  useEffect(() => autoGrow(area.current), [draft]);

  const canSend = ready && !running && draft.trim() !== "";
  const send = () => {
    if (!canSend) return;
    onDraft("");
    void chat.send(draft.trim());
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        id={composerId}
        ref={area}
        rows={1}
        aria-label={messages.message}
        placeholder={messages.messagePlaceholder(name || "OmniTab")}
        enterkeyhint="send"
        value={draft}
        onInput={(event) => onDraft(event.currentTarget.value)}
        onKeyDown={(event) => {
          // While an input method is composing, Enter picks a candidate (Safari reports it as key code 229).
          if (event.isComposing || event.keyCode === 229) return;
          if (event.key !== "Enter" || event.shiftKey) return;
          event.preventDefault();
          send();
        }}
      />
      {running ? (
        <IconButton icon="stop" label={messages.stop} class="round" onClick={() => chat.stop()} />
      ) : (
        <IconButton
          icon="send"
          label={ready ? messages.send : `${messages.send} (${messages.waitForModel})`}
          type="submit"
          class="round"
          disabled={!canSend}
        />
      )}
    </form>
  );
}
