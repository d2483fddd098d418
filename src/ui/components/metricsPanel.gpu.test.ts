/** Needs a DOM, not a GPU: the panel of figures over an engine that says what the test wants. */

import { h, render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { OmniStats } from "../../runtime/types.ts";
import { AppContext, type AppServices } from "../appContext.ts";
import { defaultSettings } from "../state/settings.ts";
import { Store } from "../state/store.ts";
import { fakeOmni } from "../testing/fakeOmni.ts";
import { MetricsPanel } from "./metricsPanel.tsx";

const root = document.createElement("div");
document.body.append(root);
const idle = await fakeOmni({ answer: () => [] }).stats();

/** Shows the panel; each time it asks, the engine has generated `step` tokens more. */
function show(step: number) {
  const store = new Store<{ current: { stats: OmniStats } | undefined }>({ current: { stats: idle } });
  const refreshStats = vi.fn(async () => {
    const { stats } = store.state.current!;
    const generated = stats.tokens.generated + step;
    const duration = {
      ...stats.latency.timePerToken,
      count: 3,
      recent: { p50Ms: 1234, p90Ms: 0, p99Ms: 0, maxMs: 0 },
    };
    const fresh: OmniStats = {
      ...stats,
      requests: { ...stats.requests, running: 2, queued: 5 },
      tokens: { prompt: 300, cached: 100, generated },
      latency: { ...stats.latency, timeToFirstToken: duration },
      kvPages: { ...stats.kvPages, used: 16, cached: 8, free: 40 },
    };
    store.update({ current: { stats: fresh } });
    return fresh;
  });
  const view = new Store({ dialog: undefined, drawer: false, metrics: true });
  const settings = new Store({ ...defaultSettings, language: "en" });
  const services = { settings, session: { store, refreshStats }, view } as unknown as AppServices;
  render(h(AppContext.Provider, { value: services }, h(MetricsPanel, null)), root);
  return { refreshStats, view, store };
}

const wait = (ms: number) =>
  act(async () => {
    await vi.advanceTimersByTimeAsync(ms);
  });
const text = (name: string) => root.querySelector(`[data-testid="metrics-${name}"]`)?.textContent;

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => {
  render(null, root);
  vi.useRealTimers();
});

it("shows what the engine says, and how fast it is", async () => {
  show(25);
  await wait(4500);
  expect(text("rate")).toBe("25.0");
  expect(["running", "queued", "prompt", "generated"].map(text)).toEqual(["2", "5", "400", "125"]);
  expect(["cached", "first", "gap"].map(text)).toEqual(["25%", "1.23 s", "–"]);
  const chart = root.querySelector("svg.sparkline")!;
  expect(chart.getAttribute("aria-label")).toBe(
    "Tokens per second over the last minute: now 25.0, at most 25.0",
  );
  expect(chart.querySelector("polyline")!.getAttribute("points")!.split(" ")).toHaveLength(4);
  const bars = [...root.querySelectorAll<HTMLElement>(".shares-bar span")].map(({ style }) => style.flexGrow);
  expect(bars).toEqual(["16", "8", "40", "4e+06", "2e+06", "1e+06"]);
  expect(root.textContent).toContain("weights 4.0 MB");
});

it("asks once a second while it is open, and closes", async () => {
  const { refreshStats, view } = show(0);
  await wait(3500);
  expect(refreshStats).toHaveBeenCalledTimes(4);
  root.querySelector<HTMLButtonElement>("button[aria-label='Hide metrics']")!.click();
  expect(view.state.metrics).toBe(false);
  render(null, root);
  await vi.advanceTimersByTimeAsync(5000);
  expect(refreshStats).toHaveBeenCalledTimes(4);
});

it("is not there without a model", async () => {
  const { store } = show(0);
  await act(async () => store.update({ current: undefined }));
  expect(root.children).toHaveLength(0);
});
