/** The chat page: what is on it, and what its keys do. */

import { useEffect, useRef, useState } from "preact/hooks";
import { narrowPage, useApp, useMessages } from "./appContext.ts";
import { Composer, composerId } from "./components/composer.tsx";
import { DropTarget } from "./components/dropTarget.tsx";
import { EmptyState } from "./components/emptyState.tsx";
import { lazily } from "./components/lazily.tsx";
import { MediaPanels } from "./components/lazyMedia.ts";
import { MessageList } from "./components/messageList.tsx";
import { ModelState } from "./components/modelState.tsx";
import { NoticeList } from "./components/noticeList.tsx";
import { Sidebar } from "./components/sidebar.tsx";
import { StatusBar } from "./components/statusBar.tsx";
import { TabStrip } from "./components/tabStrip.tsx";
import { Unsupported } from "./components/unsupported.tsx";
import { takesMedia } from "./state/inputs.ts";
import { isReady } from "./state/session.ts";
import { useStore } from "./state/store.ts";

const dialogs = () => import("./components/dialogs.ts");
const ModelDialog = lazily(async () => (await dialogs()).ModelDialog);
const SettingsDialog = lazily(async () => (await dialogs()).SettingsDialog);
const MetricsPanel = lazily(async () => (await import("./components/metricsPanel.tsx")).MetricsPanel);

const announcedMs = 5000;

export function App() {
  const messages = useMessages();
  const { session, settings } = useApp();
  const problem = useStore(session.store, (state) => state.problem);
  const theme = useStore(settings, (state) => state.theme);
  const state = usePageState();

  useEffect(() => {
    document.documentElement.lang = messages.code;
    document.documentElement.dataset.theme = theme;
    document.body.dataset.state = state;
  }, [messages, theme, state]);

  return (
    <>
      {problem ? <Unsupported problem={problem} /> : <Chatroom />}
      <NoticeList />
      <Announcer />
    </>
  );
}

/** Says to a screen reader that a model is ready or what was answered, then falls silent. */
function Announcer() {
  const messages = useMessages();
  const { chat, session } = useApp();
  const answer = useStore(chat.store, (state) => state.announcement);
  const model = useStore(session.store, (state) => state.current?.name);
  const [text, setText] = useState("");
  useEffect(() => setText(model === undefined ? "" : messages.modelReady(model)), [model]);
  useEffect(() => setText(answer), [answer]);
  useEffect(() => {
    const timer = setTimeout(() => setText(""), announcedMs);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <div class="visually-hidden" aria-live="polite" data-testid="announcer">
      {text}
    </div>
  );
}

/** One word for what the page is doing: the hook for tests, in `body[data-state]`. */
function usePageState(): string {
  const { session, chat } = useApp();
  const running = useStore(chat.store, (state) => state.running !== undefined);
  const sessionState = useStore(session.store, (state) => {
    if (state.problem) return "unsupported";
    if (isReady(state)) return "ready";
    if (state.loading) return "loading";
    if (state.lost !== undefined) return "lost";
    return state.failure ? "failed" : state.problem === undefined ? "starting" : "empty";
  });
  return running ? "generating" : sessionState;
}

function Chatroom() {
  const messages = useMessages();
  const { conversations, session, settings, view, chat } = useApp();
  const media = useStore(session.store, ({ current }) => current !== undefined && takesMedia(current.inputs));
  const conversation = useStore(conversations.store, () => conversations.current);
  const loaded = useStore(conversations.store, (state) => state.loaded);
  const sidebarOpen = useStore(settings, (state) => state.sidebarOpen);
  const drawer = useStore(view, (state) => state.drawer);
  const dialog = useStore(view, (state) => state.dialog);
  const metrics = useStore(view, (state) => state.metrics);
  useEffect(() => {
    document.title = conversation ? `${conversation.title} · OmniTab` : "OmniTab";
  }, [conversation?.title]);
  const closeDialog = () => view.update({ dialog: undefined });

  const newChat = () => {
    conversations.select(undefined);
    view.update({ drawer: false });
    document.getElementById(composerId)?.focus();
  };
  useEffect(() => {
    // A drawer exists on a narrow page only; an open one takes the focus and gives it back.
    const query = matchMedia(narrowPage);
    const close = () => view.update({ drawer: false });
    query.addEventListener("change", close);
    return () => query.removeEventListener("change", close);
  }, []);
  const drawerWas = useRef(false);
  useEffect(() => {
    if (drawer === drawerWas.current) return;
    drawerWas.current = drawer;
    document
      .querySelector<HTMLElement>(drawer ? ".sidebar .icon-button" : ".tab-strip .icon-button")
      ?.focus();
  }, [drawer]);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.isComposing || event.defaultPrevented) return;
      if (event.key === "Escape" && !view.state.dialog) {
        if (view.state.drawer) view.update({ drawer: false });
        else chat.stop();
      }
      if ((event.ctrlKey || event.metaKey) && event.shiftKey && event.code === "KeyO") {
        event.preventDefault();
        newChat();
      }
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, []);

  const classes = ["page", sidebarOpen ? "" : "sidebar-closed", drawer ? "drawer-open" : ""];
  return (
    <div class={classes.join(" ")}>
      <a class="skip" href={`#${composerId}`}>
        {messages.skipToComposer}
      </a>
      <Sidebar onNewChat={newChat} />
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the Escape key and the button in the drawer close it, too */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: see above */}
      <div class="drawer-shade" onClick={() => view.update({ drawer: false })} />
      <div class="stage" inert={drawer}>
        <TabStrip sidebarHidden={!sidebarOpen} onNewChat={newChat} />
        <main class="sheet">
          {conversation ? (
            <MessageList conversation={conversation} />
          ) : loaded ? (
            <EmptyState onPick={(prompt) => void chat.send(prompt)} />
          ) : (
            <div class="scroller" />
          )}
          <div class="dock column">
            <ModelState />
            {metrics && <MetricsPanel />}
            {media && <MediaPanels />}
            <Composer />
            <StatusBar conversation={conversation} />
          </div>
        </main>
      </div>
      {dialog === "model" && <ModelDialog onClose={closeDialog} />}
      {dialog === "settings" && <SettingsDialog onClose={closeDialog} />}
      <DropTarget />
    </div>
  );
}
