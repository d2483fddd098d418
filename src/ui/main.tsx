/** Starts the chat page. */

import "./styles/base.css";
import "./styles/layout.css";
import "./styles/sidebar.css";
import "./styles/chat.css";
import "./styles/markdown.css";
import "./styles/start.css";
import "./styles/notices.css";
import { render } from "preact";
import { createOmni } from "../runtime/client.ts";
import { App } from "./app.tsx";
import { AppContext, type AppServices } from "./appContext.ts";
import { messagesFor } from "./i18n/index.ts";
import { Chat, nextFrame } from "./state/chat.ts";
import { Conversations } from "./state/conversations.ts";
import { Draft } from "./state/draft.ts";
import { indexedDbHistory } from "./state/historyStorage.ts";
import { Notices } from "./state/notices.ts";
import { ModelSession } from "./state/session.ts";
import { createSettings, type KeyValue } from "./state/settings.ts";
import { Store } from "./state/store.ts";
import { findSupportProblem } from "./support.ts";

const currentKey = "omnitab.conversation";

/** localStorage, whose mere mention throws where storage is forbidden. */
const storage: KeyValue = {
  getItem: (key) => localStorage.getItem(key),
  setItem: (key, value) => localStorage.setItem(key, value),
  removeItem: (key) => localStorage.removeItem(key),
};

function start(): void {
  const notices = new Notices();
  const say = () => messagesFor(settings.state.language, navigator.languages);
  // The first settings are read while `settings` is being made, so their error is told a moment later.
  const settings = createSettings(storage, () =>
    queueMicrotask(() => notices.show("error", say().settingsFailed)),
  );
  const historyFailed = () => notices.show("error", say().historyFailed);
  const conversations = new Conversations(indexedDbHistory(), historyFailed);
  const session = new ModelSession({
    createOmni,
    baseUrl: document.baseURI,
    storage,
    findProblem: findSupportProblem,
  });
  const chat = new Chat(conversations, session, settings, nextFrame, historyFailed);
  const draft = new Draft(chat);
  const devices: AppServices["devices"] = new Store({ used: false, camera: false, microphone: "off" });
  const view: AppServices["view"] = new Store({ dialog: undefined, drawer: false, metrics: false });

  render(
    <AppContext.Provider value={{ settings, session, conversations, chat, draft, notices, devices, view }}>
      <App />
    </AppContext.Provider>,
    document.getElementById("app")!,
  );

  let shown: string | null = null;
  try {
    shown = storage.getItem(currentKey);
  } catch {
    // Then the page starts with a new conversation.
  }
  void conversations.load(shown ?? undefined).then(() => {
    void sweepAttachments(conversations).catch(() => undefined); // another time
    const remember = () => {
      const { currentId } = conversations.store.state;
      if ((currentId ?? null) === shown) return;
      shown = currentId ?? null;
      try {
        if (shown) storage.setItem(currentKey, shown);
        else storage.removeItem(currentKey);
      } catch {
        // As above.
      }
    };
    conversations.store.subscribe(remember);
    remember();
  });
  document.addEventListener("visibilitychange", () => void conversations.flush());
  addEventListener("pagehide", () => void conversations.flush());
  void session.start();
}

/** Removes what was attached to conversations that are deleted, if anything ever was attached. */
async function sweepAttachments({ store }: Conversations): Promise<void> {
  if (!storage.getItem("omnitab.attachments")) return;
  const messages = store.state.list.flatMap(({ messages }) => messages);
  const ids = messages.flatMap(({ attachments = [] }) => attachments.map(({ id }) => id));
  await (await import("./media/chatMedia.ts")).sweep(new Set(ids));
}

start();
