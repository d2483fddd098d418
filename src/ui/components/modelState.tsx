/** Cards over the composer: a model on its way, one that could not be opened, one that was lost. */

import { useApp, useMessages } from "../appContext.ts";
import { formatBytes, formatDuration, type Messages } from "../i18n/index.ts";
import type { LoadingModel } from "../state/session.ts";
import { useStore } from "../state/store.ts";
import { Icon } from "./icon.tsx";

export function ModelState() {
  const { session } = useApp();
  const loading = useStore(session.store, (state) => state.loading);
  const failure = useStore(session.store, (state) => state.failure);
  const lost = useStore(session.store, (state) => state.lost);
  const none = useStore(session.store, (state) => state.problem === null && !state.current);
  return (
    <>
      {failure && <FailureCard />}
      {loading ? <LoadingCard loading={loading} /> : lost !== undefined && <LostCard reason={lost} />}
      {none && !loading && !failure && <NoModelCard />}
    </>
  );
}

function phaseName(messages: Messages, loading: LoadingModel): string {
  switch (loading.progress?.phase) {
    case "header":
      return messages.phaseHeader;
    case "weights":
      return messages.phaseWeights;
    case "compile":
      return messages.phaseCompile;
    case "ready":
      return messages.phaseReady;
    default:
      return messages.phaseConnecting;
  }
}

function LoadingCard({ loading }: { loading: LoadingModel }) {
  const messages = useMessages();
  const { session } = useApp();
  const other = useStore(session.store, (state) => state.current?.name);
  const lost = useStore(session.store, (state) => state.lost);
  const { progress, bytesPerSecond, secondsLeft } = loading;
  const measured = progress?.phase === "weights" && progress.totalBytes > 0;
  const figures = measured
    ? [
        messages.bytesOf(
          formatBytes(messages, progress.loadedBytes),
          formatBytes(messages, progress.totalBytes),
        ),
        bytesPerSecond > 0 && messages.speed(formatBytes(messages, bytesPerSecond)),
        secondsLeft !== undefined && messages.timeLeft(formatDuration(messages, secondsLeft)),
      ]
    : progress && progress.loadedBytes > 0
      ? [formatBytes(messages, progress.loadedBytes)]
      : [];
  return (
    <section class="card loading-card" aria-label={messages.loadingModel(loading.name)}>
      <div class="loading-line">
        <strong>{messages.loadingModel(loading.name)}</strong>
        <span>{phaseName(messages, loading)}</span>
      </div>
      <progress
        aria-label={messages.loadingModel(loading.name)}
        {...(measured ? { value: progress.loadedBytes, max: progress.totalBytes } : {})}
      />
      <div class="loading-line">
        <span class="figures">{figures.filter(Boolean).join(" · ")}</span>
        <button type="button" class="text-button" onClick={() => session.cancel()}>
          {messages.cancel}
        </button>
      </div>
      {other && lost === undefined && <p class="aside">{messages.keepUsing(other)}</p>}
    </section>
  );
}

function FailureCard() {
  const messages = useMessages();
  const { session } = useApp();
  const failure = useStore(session.store, (state) => state.failure);
  const current = useStore(session.store, (state) => state.current);
  if (!failure) return null;
  return (
    <section class="card failure-card" role="alert">
      <Icon name="alert" />
      <div>
        <strong>{messages.loadFailed(failure.name)}</strong>
        <p>{failure.message}</p>
        <div class="card-buttons">
          <button type="button" class="button primary" onClick={() => void session.open(failure.choice)}>
            {messages.retry}
          </button>
          {!current && failure.choice.kind !== "builtin" && (
            <button type="button" class="button" onClick={() => void session.open({ kind: "builtin" })}>
              {messages.useBuiltin}
            </button>
          )}
          {current && (
            <button type="button" class="button" onClick={() => session.dismissFailure()}>
              {messages.dismiss}
            </button>
          )}
        </div>
      </div>
    </section>
  );
}

function LostCard({ reason }: { reason: string }) {
  const messages = useMessages();
  const { session } = useApp();
  return (
    <section class="card failure-card" role="alert">
      <Icon name="alert" />
      <div>
        <strong>{messages.lostTitle}</strong>
        <p>{reason}</p>
        <div class="card-buttons">
          <button type="button" class="button primary" onClick={() => void session.reload()}>
            {messages.reloadModel}
          </button>
        </div>
      </div>
    </section>
  );
}

/** Loading was cancelled and nothing else is there. */
function NoModelCard() {
  const messages = useMessages();
  const { session, view } = useApp();
  return (
    <section class="card">
      <p>{messages.loadingCancelled}</p>
      <div class="card-buttons">
        <button type="button" class="button primary" onClick={() => void session.open({ kind: "builtin" })}>
          {messages.useBuiltin}
        </button>
        <button type="button" class="button" onClick={() => view.update({ dialog: "model" })}>
          {messages.openModel}
        </button>
      </div>
    </section>
  );
}
