/** One message with what can be done with it. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { useApp, useMessages } from "../appContext.ts";
import { formatNumber, formatRate } from "../i18n/index.ts";
import type { AnswerStats, Message } from "../state/conversations.ts";
import { autoGrow } from "./autoGrow.ts";
import { CopyButton } from "./copyButton.tsx";
import { Icon, Mark } from "./icon.tsx";
import { IconButton } from "./iconButton.tsx";
import { AttachmentList, HeardNote, UnseenNote } from "./lazyMedia.ts";
import { Markdown } from "./markdown.tsx";
import { memo } from "./memo.tsx";

export interface MessageProps {
  conversationId: string;
  message: Message;
  /** Something is being generated or there is no model: nothing can be sent now. */
  busy: boolean;
}

export const MessageView = memo((props: MessageProps) =>
  props.message.role === "user" ? <Question {...props} /> : <Answer {...props} />,
);

function Question({ conversationId, message, busy }: MessageProps) {
  const messages = useMessages();
  const [editing, setEditing] = useState(false);
  return (
    <article class="message question" aria-label={messages.you}>
      {editing ? (
        <QuestionEditor
          conversationId={conversationId}
          message={message}
          busy={busy}
          onClose={() => setEditing(false)}
        />
      ) : (
        <>
          <div class="asked">
            {message.attachments && <AttachmentList items={message.attachments} />}
            {message.heard && <HeardNote text={message.heard} />}
            {message.content !== "" && <div class="bubble">{message.content}</div>}
          </div>
          <div class="actions">
            {message.content !== "" && <CopyButton text={message.content} />}
            <IconButton icon="edit" label={messages.edit} disabled={busy} onClick={() => setEditing(true)} />
          </div>
        </>
      )}
    </article>
  );
}

function QuestionEditor({ conversationId, message, busy, onClose }: MessageProps & { onClose: () => void }) {
  const messages = useMessages();
  const { chat } = useApp();
  const [text, setText] = useState(message.content);
  const [attachments, setAttachments] = useState(message.attachments ?? []);
  const area = useRef<HTMLTextAreaElement>(null);
  // Before anyone can type: a caret that moves later would split what was typed from what was selected.
  useLayoutEffect(() => {
    area.current?.focus();
    area.current?.setSelectionRange(message.content.length, message.content.length);
    autoGrow(area.current);
  }, []);
  const isEmpty = text.trim() === "" && attachments.length === 0;
  const resend = () => {
    if (busy || isEmpty) return;
    onClose();
    void chat.resend(conversationId, message.id, text.trim(), attachments);
  };
  return (
    <form
      class="editor"
      onSubmit={(event) => {
        event.preventDefault();
        resend();
      }}
    >
      {attachments.length > 0 && (
        <AttachmentList
          items={attachments}
          onRemove={(id) => setAttachments(attachments.filter((item) => item.id !== id))}
        />
      )}
      <textarea
        ref={area}
        rows={1}
        aria-label={messages.editMessage}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          autoGrow(event.currentTarget);
        }}
        onKeyDown={(event) => {
          if (event.isComposing) return;
          if (event.key !== "Escape" && (event.key !== "Enter" || event.shiftKey)) return;
          event.preventDefault();
          if (event.key === "Enter") resend();
          else onClose();
        }}
      />
      <div class="editor-buttons">
        <button type="button" class="button" onClick={onClose}>
          {messages.cancel}
        </button>
        <button type="submit" class="button primary" disabled={busy || isEmpty}>
          {messages.resend}
        </button>
      </div>
    </form>
  );
}

function Answer({ conversationId, message, busy }: MessageProps) {
  const messages = useMessages();
  const { chat } = useApp();
  const { thinking, content: answer } = message;
  const streaming = message.state === "streaming";
  const regenerate = () => void chat.regenerate(conversationId, message.id);
  return (
    <article
      class={`message answer ${streaming ? "streaming" : ""}`}
      aria-label={messages.assistant}
      aria-busy={streaming}
    >
      <Mark />
      <div class="answer-body">
        {message.forgot && <p class="aside">{messages.forgot}</p>}
        {message.unseen && <UnseenNote />}
        {thinking !== undefined && (
          <details class="thoughts">
            <summary>{streaming && answer === "" ? messages.thinking : messages.thoughts}</summary>
            <div class="thoughts-text">{thinking}</div>
          </details>
        )}
        {answer !== "" && <Markdown text={answer} />}
        {streaming && answer === "" && (
          <div class="waiting">
            <span class="visually-hidden">{messages.answering}</span>
            <i />
            <i />
            <i />
          </div>
        )}
        {message.state === "failed" && (
          <div class="failure" role="alert">
            <Icon name="alert" />
            <p>
              <strong>{messages.failed}</strong> {message.error}
            </p>
            <button type="button" class="button" disabled={busy} onClick={regenerate}>
              {messages.retry}
            </button>
          </div>
        )}
        {!streaming && !(message.state === "failed" && answer === "") && (
          <div class="actions">
            {answer !== "" && <CopyButton text={answer} />}
            <IconButton icon="retry" label={messages.regenerate} disabled={busy} onClick={regenerate} />
            {message.state === "stopped" && <span class="tag">{messages.stopped}</span>}
            {message.state === "cut" && <span class="tag">{messages.cutOff}</span>}
            {message.stats && <AnswerFigures stats={message.stats} model={message.model} />}
          </div>
        )}
      </div>
    </article>
  );
}

function AnswerFigures({ stats, model }: { stats: AnswerStats; model: string | undefined }) {
  const messages = useMessages();
  const figures = [
    model,
    stats.tokensPerSecond && messages.perSecond(formatRate(messages, stats.tokensPerSecond)),
    stats.tokens && messages.tokens(formatNumber(messages, stats.tokens)),
  ];
  return <span class="figures">{figures.filter(Boolean).join(" · ")}</span>;
}
