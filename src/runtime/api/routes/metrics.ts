/**
 * `GET /metrics`: the engine's figures in Prometheus's text format 0.0.4. Metrics that vLLM has, too, bear its names
 * with the prefix `omnitab_` for `vllm:`, and mean the same.
 */

import type { DurationStats, EngineStats } from "../../engine/types.ts";
import type { ServerContext } from "../context.ts";

export const metricsContentType = "text/plain; version=0.0.4; charset=utf-8";

export function metrics({ model }: ServerContext): Response {
  return new Response(metricsText(model.stats()), { headers: { "content-type": metricsContentType } });
}

type Labels = Record<string, string | number | boolean>;
type Sample = [value: number, labels?: Labels];

/** The figures as text: each metric with its HELP and TYPE, each sample labelled with the model's name. */
export function metricsText(stats: EngineStats): string {
  const { adapter, model, gpuBytes, kvPages, requests, tokens, prefixCache, latency } = stats;
  const lines: string[] = [];
  const head = (name: string, type: string, help: string) =>
    lines.push(`# HELP omnitab_${name} ${help}`, `# TYPE omnitab_${name} ${type}`);
  const sample = (name: string, value: number, labels?: Labels) =>
    lines.push(`omnitab_${name}${labelText({ model_name: model.id, ...labels })} ${value}`);
  const metric = (type: "gauge" | "counter") => (name: string, help: string, samples: number | Sample[]) => {
    head(name, type, help);
    for (const [value, labels] of typeof samples === "number" ? [[samples] as Sample] : samples)
      sample(name, value, labels);
  };
  const gauge = metric("gauge");
  const counter = metric("counter");
  const histogram = (name: string, help: string, { count, sumMs, buckets }: DurationStats) => {
    head(name, "histogram", help);
    for (const bucket of buckets) sample(`${name}_bucket`, bucket.count, { le: bucket.leMs / 1000 });
    sample(`${name}_bucket`, count, { le: "+Inf" });
    sample(`${name}_sum`, sumMs / 1000);
    sample(`${name}_count`, count);
  };

  gauge("model_info", "The loaded model and the adapter that computes it; always 1.", [
    [
      1,
      {
        architecture: model.architecture,
        parameters: model.parameters,
        context_length: model.contextLength,
        weight_types: Object.keys(model.weightTypes).join(","),
        adapter: adapter.name,
        software: adapter.software,
        f16: adapter.f16,
        subgroups: adapter.subgroups,
      },
    ],
  ]);
  gauge("cache_config_info", "Sizes of the KV cache; always 1.", [
    [1, { block_size: kvPages.pageSize, num_gpu_blocks: kvPages.total }],
  ]);
  gauge("num_requests_running", "Requests being computed.", requests.running);
  gauge("num_requests_waiting", "Requests waiting for a place or for pages.", requests.queued);
  gauge("kv_cache_usage_perc", "Share of the KV cache that requests hold; 1 is all.", [
    [kvPages.total > 0 ? kvPages.used / kvPages.total : 0],
  ]);
  gauge("kv_cache_pages", "Pages of the KV cache by state.", [
    [kvPages.used, { state: "used" }],
    [kvPages.cached, { state: "cached" }],
    [kvPages.free, { state: "free" }],
  ]);
  gauge("gpu_memory_bytes", "Bytes of GPU buffers by owner.", [
    [gpuBytes.weights, { owner: "weights" }],
    [gpuBytes.kvCache, { owner: "kv_cache" }],
    [gpuBytes.activations, { owner: "activations" }],
  ]);
  gauge("dispatches_per_token", "Dispatches of one decode step.", stats.dispatchesPerToken);

  counter("prompt_tokens_total", "Prompt tokens computed.", tokens.prompt);
  counter("generation_tokens_total", "Tokens generated.", tokens.generated);
  if (stats.audio)
    counter("audio_seconds_total", "Seconds of audio transcribed in complete requests.", stats.audio.seconds);
  counter(
    "prefix_cache_queries_total",
    "Prompt tokens looked up in the prefix cache.",
    prefixCache.queriedTokens,
  );
  counter("prefix_cache_hits_total", "Prompt tokens found in the prefix cache.", tokens.cached);
  counter("prefix_cache_evictions_total", "Cached pages given up for others.", prefixCache.evictions);
  counter("num_preemptions_total", "Times a running request gave up its pages.", requests.preemptions);
  counter("request_success_total", "Requests that ended, by reason.", [
    [requests.stop, { finished_reason: "stop" }],
    [requests.length, { finished_reason: "length" }],
    [requests.cancelled, { finished_reason: "abort" }],
    [requests.failed, { finished_reason: "error" }],
  ]);
  counter("requests_rejected_total", "Requests refused because the queue was full.", requests.rejected);

  histogram("time_to_first_token_seconds", "From arrival to the first token.", latency.timeToFirstToken);
  histogram("inter_token_latency_seconds", "Between a request's tokens.", latency.timePerToken);
  histogram(
    "request_time_per_output_token_seconds",
    "A request's mean time per token after the first.",
    latency.meanTimePerToken,
  );
  histogram("request_queue_time_seconds", "From arrival to the first computation.", latency.queue);
  histogram("e2e_request_latency_seconds", "From arrival to the last token.", latency.request);
  histogram("prompt_chunk_seconds", "Of a step that computes a part of a prompt.", latency.promptChunk);
  return `${lines.join("\n")}\n`;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(String(value))}"`);
  return `{${pairs.join(",")}}`;
}

/** As the format wants it: names come from files and adapters and may contain anything. */
function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
