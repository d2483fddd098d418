/** The line under the composer: model, adapter, speed of the last answer. */

import { useApp, useMessages } from "../appContext.ts";
import { formatNumber, formatRate } from "../i18n/index.ts";
import type { Conversation } from "../state/conversations.ts";
import { useStore } from "../state/store.ts";
import { IconButton } from "./iconButton.tsx";

export function StatusBar({ conversation }: { conversation: Conversation | undefined }) {
  const messages = useMessages();
  const { session, view } = useApp();
  const open = useStore(view, (state) => state.metrics);
  const current = useStore(session.store, (state) => state.current);
  const last = conversation?.messages.findLast(({ stats }) => stats !== undefined)?.stats;
  const adapter = current?.stats.adapter;
  return (
    <footer class="status" data-testid="status">
      <div>
        {current && <span data-testid="status-model">{current.name}</span>}
        {adapter && (
          <span data-testid="status-adapter">
            {adapter.name}
            {adapter.software ? ` (${messages.softwareAdapter})` : ""}
          </span>
        )}
      </div>
      <div>
        {last?.tokensPerSecond !== undefined && (
          <span data-testid="status-rate">
            {messages.perSecond(formatRate(messages, last.tokensPerSecond))}
          </span>
        )}
        {last?.firstTokenMs !== undefined && (
          <span data-testid="status-first">
            {messages.firstToken(formatNumber(messages, last.firstTokenMs / 1000, 2))}
          </span>
        )}
        {!last && <span>{messages.localNote}</span>}
      </div>
      {current && (
        <IconButton
          icon="chart"
          class="status-metrics"
          label={open ? messages.hideMetrics : messages.showMetrics}
          expanded={open}
          onClick={() => view.update({ metrics: !open })}
        />
      )}
    </footer>
  );
}
