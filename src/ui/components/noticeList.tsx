/** Notices at the edge of the page. */

import { useApp, useMessages } from "../appContext.ts";
import { useStore } from "../state/store.ts";
import { Icon } from "./icon.tsx";
import { IconButton } from "./iconButton.tsx";

export function NoticeList() {
  const messages = useMessages();
  const { notices } = useApp();
  const items = useStore(notices.store, (state) => state.items);
  return (
    <div class="notices" role="status">
      {items.map(({ id, kind, text, action }) => (
        <div key={id} class="notice">
          {kind === "error" && <Icon name="alert" />}
          <span>{text}</span>
          {action && (
            <button
              type="button"
              class="text-button"
              onClick={() => {
                notices.dismiss(id);
                action.run();
              }}
            >
              {action.label}
            </button>
          )}
          <IconButton icon="close" label={messages.dismiss} onClick={() => notices.dismiss(id)} />
        </div>
      ))}
    </div>
  );
}
