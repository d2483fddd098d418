/** Sends the draft now, or when the answer that is being written has ended. */

import type { Chat } from "../state/chat.ts";
import type { Draft } from "../state/draft.ts";

const waiting = new WeakSet<Draft>();

export function sendWhenFree(draft: Draft, chat: Chat): void {
  if (waiting.has(draft) || draft.send()) return;
  waiting.add(draft);
  const end = chat.store.subscribe(() => {
    if (!chat.isFree) return;
    end();
    waiting.delete(draft);
    // After everyone has heard that the answer ended.
    queueMicrotask(() => draft.send());
  });
}
