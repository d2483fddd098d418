/** What every component may need: the state of the page and its language. */

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { type Messages, messagesFor } from "./i18n/index.ts";
import type { Chat } from "./state/chat.ts";
import type { Conversations } from "./state/conversations.ts";
import type { Draft } from "./state/draft.ts";
import type { Notices } from "./state/notices.ts";
import type { ModelSession } from "./state/session.ts";
import type { Settings } from "./state/settings.ts";
import { type Store, useStore } from "./state/store.ts";

export type DialogName = "model" | "settings";

export interface AppServices {
  settings: Store<Settings>;
  session: ModelSession;
  conversations: Conversations;
  chat: Chat;
  draft: Draft;
  notices: Notices;
  /** Which dialog is open, and whether the drawer of a narrow page and the panel of metrics are. */
  view: Store<{ dialog: DialogName | undefined; drawer: boolean; metrics: boolean }>;
}

/** Where the list of conversations is a drawer; the same query as in the styles. */
export const narrowPage = "(max-width: 760px)";

export const AppContext = createContext<AppServices | undefined>(undefined);

export function useApp(): AppServices {
  const app = useContext(AppContext);
  if (!app) throw new Error("A component of the page was rendered outside of AppContext.");
  return app;
}

export function useMessages(): Messages {
  const { settings } = useApp();
  return messagesFor(
    useStore(settings, (state) => state.language),
    navigator.languages,
  );
}
