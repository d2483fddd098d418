/** What the engine is doing: speed over the last minute, requests, tokens, cache and memory. */

import "../styles/metrics.css";
import { useEffect, useId, useState } from "preact/hooks";
import type { OmniStats } from "../../runtime/types.ts";
import { useApp, useMessages } from "../appContext.ts";
import { formatBytes, formatNumber, formatRate, type Messages } from "../i18n/index.ts";
import { pollWhileVisible } from "../state/polling.ts";
import { useStore } from "../state/store.ts";
import { sparkline, Throughput } from "../state/throughput.ts";
import { IconButton } from "./iconButton.tsx";

const everyMs = 1000;
const chart = { width: 240, height: 44 };

/** Asks the engine for its figures while it is on the page. */
export function MetricsPanel() {
  const messages = useMessages();
  const { session, view } = useApp();
  const titleId = useId();
  const stats = useStore(session.store, (state) => state.current?.stats);
  const [throughput] = useState(() => new Throughput());
  const [points, setPoints] = useState(throughput.points);
  useEffect(() => {
    const refresh = async () => {
      const fresh = await session.refreshStats();
      if (!fresh) return;
      throughput.add(performance.now(), fresh.tokens.generated);
      setPoints(throughput.points);
    };
    return pollWhileVisible(refresh, everyMs, document);
  }, []);
  if (!stats) return null;
  const line = sparkline(points, chart.width, chart.height);
  const { width, height } = chart;
  const start = line.split(",", 1)[0];
  const rate = (value: number) => (value === 0 ? "0" : formatRate(messages, value));
  const now = rate(throughput.now);
  const peak = rate(throughput.peak);
  return (
    <section class="card metrics" aria-labelledby={titleId} data-testid="metrics">
      <header>
        <h2 id={titleId}>{messages.metrics}</h2>
        <IconButton
          icon="close"
          label={messages.hideMetrics}
          onClick={() => view.update({ metrics: false })}
        />
      </header>
      <div class="metrics-speed">
        <p>
          <strong data-testid="metrics-rate">{now}</strong> {messages.metricsRate}
          <span class="figures">{messages.metricsPeak(peak)}</span>
        </p>
        <svg
          class="sparkline"
          viewBox={`0 -2 ${width} ${height + 4}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={messages.metricsChart(now, peak)}
        >
          <path class="sparkline-base" d={`M0 ${height}H${width}`} />
          {line && <polygon points={`${start},${height} ${line} ${width},${height}`} />}
          {line && <polyline points={line} />}
        </svg>
      </div>
      <dl class="metrics-figures">
        {figures(messages, stats).map(({ name, label, value }) => (
          <div key={name}>
            <dt>{label}</dt>
            <dd data-testid={`metrics-${name}`}>{value}</dd>
          </div>
        ))}
      </dl>
      <Shares {...pageShares(messages, stats)} />
      <Shares {...memoryShares(messages, stats)} />
    </section>
  );
}

function figures(messages: Messages, stats: OmniStats): { name: string; label: string; value: string }[] {
  const { requests, tokens, latency } = stats;
  const count = (value: number) => formatNumber(messages, value);
  const time = (ms: number) =>
    ms < 1000
      ? `${formatNumber(messages, ms, ms < 10 ? 1 : 0)} ms`
      : `${formatNumber(messages, ms / 1000, 2)} s`;
  const median = ({ count, recent }: { count: number; recent: { p50Ms: number } }) =>
    count > 0 ? time(recent.p50Ms) : "–";
  const prompt = tokens.prompt + tokens.cached;
  return [
    { name: "running", label: messages.metricsRunning, value: count(requests.running) },
    { name: "queued", label: messages.metricsQueued, value: count(requests.queued) },
    { name: "prompt", label: messages.metricsPrompt, value: count(prompt) },
    { name: "generated", label: messages.metricsGenerated, value: count(tokens.generated) },
    {
      name: "cached",
      label: messages.metricsCached,
      value: prompt > 0 ? `${formatNumber(messages, (100 * tokens.cached) / prompt)}%` : "–",
    },
    { name: "first", label: messages.metricsFirst, value: median(latency.timeToFirstToken) },
    { name: "gap", label: messages.metricsGap, value: median(latency.timePerToken) },
    { name: "finished", label: messages.metricsFinished, value: count(requests.finished) },
  ];
}

interface SharesProps {
  name: "pages" | "memory";
  title: string;
  total: string;
  parts: { label: string; amount: number; text: string }[];
}

function pageShares(messages: Messages, { kvPages }: OmniStats): SharesProps {
  const part = (label: string, amount: number) => ({ label, amount, text: formatNumber(messages, amount) });
  return {
    name: "pages",
    title: messages.metricsPages,
    total: formatNumber(messages, kvPages.total),
    parts: [
      part(messages.metricsUsed, kvPages.used),
      part(messages.metricsKept, kvPages.cached),
      part(messages.metricsFree, kvPages.free),
    ],
  };
}

function memoryShares(messages: Messages, { gpuBytes }: OmniStats): SharesProps {
  const part = (label: string, amount: number) => ({ label, amount, text: formatBytes(messages, amount) });
  return {
    name: "memory",
    title: messages.metricsMemory,
    total: formatBytes(messages, gpuBytes.total),
    parts: [
      part(messages.metricsWeights, gpuBytes.weights),
      part(messages.metricsKvCache, gpuBytes.kvCache),
      part(messages.metricsActivations, gpuBytes.activations),
    ],
  };
}

/** A whole in parts: as a bar for the eye, in words for everyone. */
function Shares({ name, title, total, parts }: SharesProps) {
  return (
    <div class={`shares shares-${name}`}>
      <p class="shares-title">
        <span>{title}</span>
        <span class="figures">{total}</span>
      </p>
      <div class="shares-bar" aria-hidden="true">
        {parts.map(({ label, amount }) => (
          <span key={label} hidden={amount === 0} style={{ flexGrow: amount }} />
        ))}
      </div>
      <ul class="figures">
        {parts.map(({ label, text }) => (
          <li key={label}>
            {label} <b>{text}</b>
          </li>
        ))}
      </ul>
    </div>
  );
}
