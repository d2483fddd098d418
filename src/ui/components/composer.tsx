/** Where the user writes. */

import { useEffect, useRef } from "preact/hooks";
import { useApp, useMessages } from "../appContext.ts";
import { Draft } from "../state/draft.ts";
import { takesMedia } from "../state/inputs.ts";
import { isReady } from "../state/session.ts";
import { useStore } from "../state/store.ts";
import { autoGrow } from "./autoGrow.ts";
import { IconButton } from "./iconButton.tsx";
import { AttachButtons, DraftAttachments, TalkButton } from "./lazyMedia.ts";

export const composerId = "message";

export function Composer() {
  const messages = useMessages();
  const { chat, draft, session } = useApp();
  const area = useRef<HTMLTextAreaElement>(null);
  const running = useStore(chat.store, (state) => state.running !== undefined);
  const ready = useStore(session.store, isReady);
  const name = useStore(session.store, (state) => state.current?.name ?? state.loading?.name ?? "");
  const inputs = useStore(session.store, (state) => state.current?.inputs);
  const text = useStore(draft.store, (state) => state.text);
  const isComplete = useStore(draft.store, Draft.isComplete);
  const currentId = useStore(useApp().conversations.store, (state) => state.currentId);

  useEffect(() => {
    // On a phone the focus would open the keyboard over half of the page.
    if (!matchMedia("(pointer: coarse)").matches) area.current?.focus();
  }, [currentId]);
  useEffect(() => autoGrow(area.current), [text]);

  const hasMedia = inputs !== undefined && takesMedia(inputs);
  return (
    <form
      class={`composer ${hasMedia ? "with-media" : ""}`}
      onSubmit={(event) => {
        event.preventDefault();
        draft.send();
      }}
    >
      <DraftAttachmentsIfAny />
      {hasMedia && <AttachButtons />}
      <textarea
        id={composerId}
        ref={area}
        rows={1}
        aria-label={messages.message}
        placeholder={messages.messagePlaceholder(name || "OmniTab")}
        enterkeyhint="send"
        value={text}
        onInput={(event) => draft.store.update({ text: event.currentTarget.value })}
        onKeyDown={(event) => {
          // While an input method is composing, Enter picks a candidate (Safari reports it as key code 229).
          if (event.isComposing || event.keyCode === 229) return;
          if (event.key !== "Enter" || event.shiftKey) return;
          event.preventDefault();
          draft.send();
        }}
      />
      {hasMedia && <TalkButton />}
      {running ? (
        <IconButton icon="stop" label={messages.stop} class="round" onClick={() => chat.stop()} />
      ) : (
        <IconButton
          icon="send"
          label={ready ? messages.send : `${messages.send} (${messages.waitForModel})`}
          type="submit"
          class="round"
          disabled={!ready || !isComplete}
        />
      )}
    </form>
  );
}

function DraftAttachmentsIfAny() {
  const any = useStore(useApp().draft.store, ({ attachments, adding }) => attachments.length + adding > 0);
  return any ? <DraftAttachments /> : null;
}
