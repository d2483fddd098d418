/** Conversations in IndexedDB, one entry each, so that two tabs do not overwrite each other's. */

import { createStore, del, set, type UseStore, values } from "idb-keyval";
import type { HistoryStorage } from "./conversations.ts";

export function indexedDbHistory(): HistoryStorage {
  let opened: UseStore | undefined;
  const store = () => {
    opened ??= createStore("omnitab", "conversations"); // throws where IndexedDB is forbidden
    return opened;
  };
  return {
    load: async () => values(store()),
    save: async (conversation) => set(conversation.id, conversation, store()),
    remove: async (id) => del(id, store()),
  };
}
