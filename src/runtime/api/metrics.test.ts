import { expect, test } from "vitest";
import { Durations } from "../engine/durations.ts";
import type { DurationStats, EngineStats } from "../engine/types.ts";
import { createApi } from "./createApi.ts";
import { metricsContentType } from "./routes/metrics.ts";
import { FakeEngine } from "./testing/fakeEngine.ts";
import { fakeTemplate } from "./testing/fakeTokenizer.ts";
import { get, post } from "./testing/http.ts";

interface Sample {
  labels: Record<string, string>;
  value: number;
}

interface Metric {
  type: string;
  /** By the whole name, suffix included. */
  samples: Map<string, Sample[]>;
}

/** Reads the text format; throws on a line that is none, a sample outside of its metric, a metric that comes twice. */
function parse(text: string): Map<string, Metric> {
  expect(text.endsWith("\n")).toBe(true);
  const all = new Map<string, Metric>();
  const unescaped = { "\\\\": "\\", '\\"': '"', "\\n": "\n" } as Record<string, string>;
  let help = "";
  let name = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const helps = /^# HELP ([a-z][a-z0-9_]*) (\S.*)$/.exec(line);
    const types = /^# TYPE ([a-z][a-z0-9_]*) (gauge|counter|histogram)$/.exec(line);
    if (helps) {
      if (all.has(helps[1]!)) throw new Error(`Twice: ${line}`);
      help = helps[1]!;
    } else if (types) {
      name = types[1]!;
      if (name !== help) throw new Error(`TYPE without its HELP: ${line}`);
      all.set(name, { type: types[2]!, samples: new Map() });
    } else {
      const found = /^([a-z][a-z0-9_]*)\{((?:[a-z_][a-z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*)\} (\d\S*)$/.exec(
        line,
      );
      const metric = all.get(name);
      const suffix = metric?.type === "histogram" ? /^_(bucket|sum|count)$/ : /^$/;
      if (!found || !metric || !found[1]!.startsWith(name) || !suffix.test(found[1]!.slice(name.length)))
        throw new Error(`Not a sample of ${name}: ${line}`);
      const labels = [...found[2]!.matchAll(/([a-z_][a-z0-9_]*)="((?:[^"\\]|\\.)*)"/g)].map(
        ([, key, value]) => [key, value!.replace(/\\[\\"n]/g, (escaped) => unescaped[escaped]!)],
      );
      const value = Number(found[3]);
      if (!Number.isFinite(value)) throw new Error(`Not a number: ${line}`);
      const samples = metric.samples.get(found[1]!) ?? [];
      metric.samples.set(found[1]!, [...samples, { labels: Object.fromEntries(labels), value }]);
    }
  }
  return all;
}

function durations(...ms: number[]): DurationStats {
  const all = new Durations();
  for (const each of ms) all.add(each);
  return all.stats;
}

const hostileName = 'a"b\\c\nd{e="f"} 1\u0000é';

class BusyEngine extends FakeEngine {
  override stats(): EngineStats {
    const stats = super.stats();
    return {
      ...stats,
      adapter: { ...stats.adapter, name: hostileName },
      model: { ...stats.model, id: hostileName, weightTypes: { Q4_K: 3, F32: 2 } },
      gpuBytes: { weights: 1000, kvCache: 200, activations: 30, total: 1230 },
      kvPages: { total: 40, used: 10, cached: 25, free: 5, pageSize: 32 },
      requests: {
        ...{ running: 3, queued: 4, finished: 15, stop: 5, length: 6, cancelled: 3, failed: 1 },
        ...{ rejected: 7, preemptions: 8 },
      },
      tokens: { prompt: 100, cached: 50, generated: 70 },
      prefixCache: { lookups: 9, hits: 2, queriedTokens: 160, evictions: 11 },
      latency: {
        queue: durations(),
        timeToFirstToken: durations(150, 3000, 90_000),
        timePerToken: durations(1, 1.5, 20),
        meanTimePerToken: durations(10.5),
        request: durations(4000, 5000),
        promptChunk: durations(90, 110),
      },
    };
  }
}

async function read(engine: FakeEngine) {
  const api = createApi({ engine, chatTemplate: fakeTemplate });
  const response = await get(api, "/metrics");
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe(metricsContentType);
  return parse(await response.text());
}

test("every metric is well formed, named for its type, and labelled with the model", async () => {
  const all = await read(new BusyEngine());
  expect(all.size).toBeGreaterThan(15);
  for (const [name, { type, samples }] of all) {
    expect(name).toMatch(/^omnitab_/);
    expect(name.endsWith("_total"), name).toBe(type === "counter");
    expect(samples.size, name).toBeGreaterThan(0);
    for (const each of samples.values())
      for (const { labels } of each) expect(labels.model_name, name).toBe(hostileName);
  }
});

test("figures stand under vLLM's names", async () => {
  const all = await read(new BusyEngine());
  const values = (name: string, label: string) =>
    Object.fromEntries(
      all
        .get(name)!
        .samples.get(name)!
        .map(({ labels, value }) => [labels[label], value]),
    );
  const value = (name: string) => {
    const samples = all.get(name)!.samples.get(name)!;
    expect(samples, name).toHaveLength(1);
    return samples[0]!.value;
  };
  expect(value("omnitab_num_requests_running")).toBe(3);
  expect(value("omnitab_num_requests_waiting")).toBe(4);
  expect(value("omnitab_kv_cache_usage_perc")).toBe(0.25);
  expect(value("omnitab_prompt_tokens_total")).toBe(100);
  expect(value("omnitab_generation_tokens_total")).toBe(70);
  expect(value("omnitab_prefix_cache_queries_total")).toBe(160);
  expect(value("omnitab_prefix_cache_hits_total")).toBe(50);
  expect(value("omnitab_prefix_cache_evictions_total")).toBe(11);
  expect(value("omnitab_num_preemptions_total")).toBe(8);
  expect(value("omnitab_requests_rejected_total")).toBe(7);
  expect(values("omnitab_kv_cache_pages", "state")).toEqual({ used: 10, cached: 25, free: 5 });
  expect(values("omnitab_gpu_memory_bytes", "owner")).toEqual({
    ...{ weights: 1000, kv_cache: 200, activations: 30 },
  });
  expect(values("omnitab_request_success_total", "finished_reason")).toEqual({
    ...{ stop: 5, length: 6, abort: 3, error: 1 },
  });
  const info = all.get("omnitab_model_info")!.samples.get("omnitab_model_info")![0]!;
  expect(info).toMatchObject({ value: 1, labels: { adapter: hostileName, weight_types: "Q4_K,F32" } });
  expect(all.get("omnitab_cache_config_info")!.samples.get("omnitab_cache_config_info")![0]!.labels).toEqual({
    ...{ model_name: hostileName, block_size: "32", num_gpu_blocks: "40" },
  });
});

test.each([
  { name: "time_to_first_token", count: 3, sum: 93.15, at: { "0.1": 0, "0.2": 1, "5": 2, "60": 2 } },
  { name: "inter_token_latency", count: 3, sum: 0.0225, at: { "0.001": 1, "0.002": 2, "0.02": 3 } },
  { name: "request_time_per_output_token", count: 1, sum: 0.0105, at: { "0.01": 0, "0.02": 1 } },
  { name: "request_queue_time", count: 0, sum: 0, at: { "0.001": 0 } },
  { name: "e2e_request_latency", count: 2, sum: 9, at: { "2": 0, "5": 2 } },
])("the histogram $name is cumulative and complete", async ({ name, count, sum, at }) => {
  const base = `omnitab_${name}_seconds`;
  const { type, samples } = (await read(new BusyEngine())).get(base)!;
  expect(type).toBe("histogram");
  const buckets = samples.get(`${base}_bucket`)!;
  const bounds = buckets.map(({ labels }) => (labels.le === "+Inf" ? Infinity : Number(labels.le)));
  const counts = buckets.map(({ value }) => value);
  expect(bounds).toEqual([...new Set(bounds)].sort((a, b) => a - b));
  expect(counts).toEqual([...counts].sort((a, b) => a - b));
  expect(bounds.at(-1)).toBe(Infinity);
  expect(counts.at(-1)).toBe(count);
  expect(samples.get(`${base}_count`)).toMatchObject([{ value: count }]);
  expect(samples.get(`${base}_sum`)![0]!.value).toBeCloseTo(sum, 9);
  for (const [le, expected] of Object.entries(at))
    expect(buckets.find(({ labels }) => labels.le === le)?.value, le).toBe(expected);
});

test("an engine that has done nothing has metrics, too; other methods are refused", async () => {
  const all = await read(new FakeEngine());
  expect(all.get("omnitab_generation_tokens_total")!.samples.size).toBe(1);
  const api = createApi({ engine: new FakeEngine(), chatTemplate: fakeTemplate });
  expect((await post(api, "/metrics", {})).status).toBe(405);
});
