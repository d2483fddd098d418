/** The messages of a conversation; follows the newest text until the user scrolls away. */

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useApp, useMessages } from "../appContext.ts";
import type { Conversation } from "../state/conversations.ts";
import { isReady } from "../state/session.ts";
import { useStore } from "../state/store.ts";
import { Icon } from "./icon.tsx";
import { MessageView } from "./messageView.tsx";

/** Closer to the end than this counts as at the end. */
const nearPx = 60;

export function MessageList({ conversation }: { conversation: Conversation }) {
  const messages = useMessages();
  const { chat, session } = useApp();
  const running = useStore(chat.store, (state) => state.running);
  const ready = useStore(session.store, isReady);
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const lastTop = useRef(0);
  const [away, setAway] = useState(false);

  const follow = () => {
    const element = scroller.current;
    if (!element) return;
    following.current = true;
    element.scrollTop = element.scrollHeight;
    setAway(false);
  };

  useEffect(() => {
    // Text grows, images of code blocks get their height, the window changes: all of it is a resize.
    const observer = new ResizeObserver(() => following.current && follow());
    observer.observe(content.current!);
    observer.observe(scroller.current!);
    return () => observer.disconnect();
  }, []);

  // Another conversation, or a question just asked: to the end.
  useLayoutEffect(follow, [conversation.id, running?.messageId]);

  const onScroll = () => {
    const element = scroller.current!;
    const distance = element.scrollHeight - element.clientHeight - element.scrollTop;
    if (distance < nearPx) following.current = true;
    else if (element.scrollTop < lastTop.current) following.current = false;
    lastTop.current = element.scrollTop;
    setAway(!following.current);
  };

  return (
    <div class="scroller" ref={scroller} onScroll={onScroll}>
      <h1 class="visually-hidden">{conversation.title}</h1>
      {/* A log is announced by its own live region, once per answer. */}
      <div class="column messages" ref={content} role="log" aria-live="off" aria-label={conversation.title}>
        {conversation.messages.map((message) => (
          <MessageView
            key={message.id}
            conversationId={conversation.id}
            message={message}
            busy={running !== undefined || !ready}
          />
        ))}
      </div>
      {away && (
        <button type="button" class="jump" onClick={follow}>
          <Icon name="down" />
          {messages.jumpToLatest}
        </button>
      )}
    </div>
  );
}
