/** The top of the page: the model as a browser tab, another one on its way beside it. */

import { narrowPage, useApp, useMessages } from "../appContext.ts";
import { formatNumber } from "../i18n/index.ts";
import { useStore } from "../state/store.ts";
import { Icon } from "./icon.tsx";
import { IconButton } from "./iconButton.tsx";

export function TabStrip({ sidebarHidden, onNewChat }: { sidebarHidden: boolean; onNewChat: () => void }) {
  const messages = useMessages();
  const { session, settings, view } = useApp();
  const current = useStore(session.store, (state) => state.current);
  const loading = useStore(session.store, (state) => state.loading);
  const lost = useStore(session.store, (state) => state.lost !== undefined);
  const theme = useStore(settings, (state) => state.theme);
  const openModels = () => view.update({ dialog: "model" });
  const showSidebar = () => {
    if (matchMedia(narrowPage).matches) view.update({ drawer: true });
    else settings.update({ sidebarOpen: true });
  };
  const progress = loading?.progress;
  const share =
    progress && progress.totalBytes > 0 ? Math.min(1, progress.loadedBytes / progress.totalBytes) : 0;
  const dark = theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  return (
    <header class="tab-strip">
      <IconButton
        icon="sidebar"
        label={messages.showSidebar}
        class={sidebarHidden ? "" : "narrow-only"}
        onClick={showSidebar}
      />
      {(current || !loading) && (
        <button
          type="button"
          class="tab tab-active"
          aria-label={messages.modelTab(current?.name ?? messages.noModel)}
          aria-haspopup="dialog"
          onClick={openModels}
        >
          <i class={`dot ${current && !lost ? "on" : ""}`} />
          <span class="tab-name">{current?.name ?? messages.noModel}</span>
          <Icon name="chevron" />
        </button>
      )}
      {loading && (
        <div class={`tab tab-loading ${current ? "" : "tab-active"}`}>
          <i class="dot pulse" />
          <span class="tab-name">{loading.name}</span>
          <span class="tab-share">{formatNumber(messages, Math.floor(share * 100))}%</span>
          <IconButton icon="close" label={messages.cancelLoading} onClick={() => session.cancel()} />
          <span class="tab-progress" style={{ transform: `scaleX(${share})` }} />
        </div>
      )}
      <IconButton icon="plus" label={messages.openModel} class="tab-plus" onClick={openModels} />
      <span class="spacer" />
      <IconButton icon="compose" label={messages.newChat} class="narrow-only" onClick={onNewChat} />
      <button
        type="button"
        class="icon-button wide-only language"
        lang={messages.code === "en" ? "zh-Hans" : "en"}
        onClick={() => settings.update({ language: messages.code === "en" ? "zh" : "en" })}
      >
        {messages.code === "en" ? "中文" : "EN"}
      </button>
      <IconButton
        icon={dark ? "sun" : "moon"}
        label={`${messages.theme}: ${dark ? messages.light : messages.dark}`}
        class="wide-only"
        onClick={() => settings.update({ theme: dark ? "light" : "dark" })}
      />
      <IconButton
        icon="sliders"
        label={messages.settings}
        onClick={() => view.update({ dialog: "settings" })}
      />
    </header>
  );
}
