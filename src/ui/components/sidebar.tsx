/** The list of conversations. */

import { useEffect, useRef, useState } from "preact/hooks";
import { useApp, useMessages } from "../appContext.ts";
import type { Conversation } from "../state/conversations.ts";
import { useStore } from "../state/store.ts";
import { Icon, Mark } from "./icon.tsx";
import { IconButton } from "./iconButton.tsx";
import { memo } from "./memo.tsx";

export function Sidebar({ onNewChat }: { onNewChat: () => void }) {
  const messages = useMessages();
  const { conversations, view, settings } = useApp();
  const list = useStore(conversations.store, (state) => state.list);
  const loaded = useStore(conversations.store, (state) => state.loaded);
  const currentId = useStore(conversations.store, (state) => state.currentId);
  const hide = () => {
    if (view.state.drawer) view.update({ drawer: false });
    else settings.update({ sidebarOpen: false });
  };
  return (
    <nav class="sidebar" aria-label={messages.conversations}>
      <div class="sidebar-head">
        <span class="brand">
          <Mark />
          OmniTab
        </span>
        <IconButton icon="sidebar" label={messages.hideSidebar} onClick={hide} />
      </div>
      <button type="button" class="new-chat" onClick={onNewChat}>
        <Icon name="compose" />
        {messages.newChat}
      </button>
      {loaded && list.length === 0 && <p class="sidebar-empty">{messages.noConversations}</p>}
      <ul class="conversation-list">
        {list.map((conversation) => (
          <Entry key={conversation.id} conversation={conversation} current={conversation.id === currentId} />
        ))}
      </ul>
      <button
        type="button"
        class="sidebar-foot"
        onClick={() => view.update({ dialog: "settings", drawer: false })}
      >
        <Icon name="sliders" />
        {messages.settings}
      </button>
    </nav>
  );
}

interface EntryProps {
  conversation: Conversation;
  current: boolean;
}

/** Only the entry of the conversation that is being answered renders with each frame. */
const Entry = memo(({ conversation, current }: EntryProps) => {
  const messages = useMessages();
  const { conversations, chat, view, notices } = useApp();
  const [renaming, setRenaming] = useState(false);
  const { id, title } = conversation;
  const answering = useStore(chat.store, (state) => state.running?.conversationId === id);
  const remove = () => {
    if (answering) chat.stop();
    const restore = conversations.remove(id);
    notices.show("info", messages.deleted, { label: messages.undo, run: restore });
  };
  if (renaming) return <RenameField conversation={conversation} onClose={() => setRenaming(false)} />;
  return (
    <li class={`entry ${current ? "current" : ""}`}>
      <button
        type="button"
        class="entry-title"
        aria-current={current ? "true" : undefined}
        title={title}
        onClick={() => {
          conversations.select(id);
          view.update({ drawer: false });
        }}
      >
        {answering && <i class="pulse" />}
        <span>{title}</span>
      </button>
      <IconButton icon="edit" label={messages.renameOf(title)} onClick={() => setRenaming(true)} />
      <IconButton icon="trash" label={messages.deleteOf(title)} onClick={remove} />
    </li>
  );
});

function RenameField({ conversation, onClose }: { conversation: Conversation; onClose: () => void }) {
  const messages = useMessages();
  const { conversations } = useApp();
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.select(), []);
  const save = () => {
    conversations.rename(conversation.id, input.current?.value ?? "");
    onClose();
  };
  return (
    <li class="entry renaming">
      <input
        ref={input}
        aria-label={messages.conversationTitle}
        defaultValue={conversation.title}
        maxLength={200}
        onBlur={save}
        onKeyDown={(event) => {
          if (event.isComposing) return;
          if (event.key === "Enter") save();
          if (event.key !== "Escape") return;
          event.preventDefault();
          onClose();
        }}
      />
    </li>
  );
}
