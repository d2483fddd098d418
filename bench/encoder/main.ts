/** `npm run bench -- encoder`: encoders of sound and pictures, against onnxruntime-web in the same run. */

import { parseArgs } from "node:util";
import type { AdapterLaunch } from "../../scripts/browsers.mjs";
import { chosenAdapters, withSourcePage } from "../browser.ts";
import { countOf, listOf, median, printTable } from "../cli.ts";
import type { EncoderRequest, EncoderResult } from "./page.ts";
import { measurePeer, type PeerResult } from "./peer.ts";
import {
  type EncoderName,
  type EncoderType,
  encoderNames,
  encoderShapes,
  encoderTypes,
  sampledPlaces,
} from "./shapes.ts";

interface Options {
  types: readonly EncoderType[];
  /** Of onnxruntime-web; fp16 needs `shader-f16`, and fp32 is what results are compared with. */
  peerTypes: readonly ("f32" | "f16")[];
  runs: number;
  /** Whether each kernel is measured by itself. */
  profile: boolean;
}

interface Row {
  encoder: EncoderName;
  /** Whose, and the type of the weights. */
  runtime: string;
  ms: number;
  perSecond: number;
  /** The largest difference of the result from onnxruntime's in fp32, in its root mean square. */
  difference: number;
  loadMs: number;
}

interface Result {
  adapter: string;
  rows: Row[];
  /** Ours / the fastest of onnxruntime's, by encoder. */
  ratios: { encoder: EncoderName; runtime: string; ratio: number }[];
  kernels: ({ encoder: EncoderName; type: string } & EncoderResult["kernels"][number])[];
}

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      adapter: { type: "string" },
      encoders: { type: "string", default: "all" },
      types: { type: "string", default: "f16,q8_0" },
      "peer-types": { type: "string", default: "f32" },
      runs: { type: "string", default: "5" },
      kernels: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const encoders = listOf("--encoders", values.encoders, encoderNames);
  const types = listOf("--types", values.types, encoderTypes);
  const peerTypes = listOf("--peer-types", values["peer-types"], ["f32", "f16"] as const);
  const options = { types, peerTypes, runs: countOf("--runs", values.runs), profile: values.kernels };
  const results: Result[] = [];
  for (const adapter of chosenAdapters(values.adapter)) {
    const result: Result = { adapter: adapter.name, rows: [], ratios: [], kernels: [] };
    for (const encoder of encoders) await compareEncoder(result, adapter, encoder, options);
    results.push(result);
    if (!values.json) print(result);
  }
  if (values.json) console.log(JSON.stringify(results, null, 2));
}

async function compareEncoder(
  result: Result,
  adapter: AdapterLaunch,
  encoder: EncoderName,
  { types, peerTypes, runs, profile }: Options,
): Promise<void> {
  const shape = encoderShapes[encoder];
  const sampled = sampledPlaces(shape);
  const rows = new Map<string, PeerResult>();
  // Minutes pass on a software adapter.
  const keep = (runtime: string, measured: PeerResult) => {
    rows.set(runtime, measured);
    console.error(`${adapter.name}, ${encoder}: ${runtime} ${median(measured.timesMs).toFixed(0)} ms`);
  };
  let f16 = false;
  for (const type of types) {
    const own = await measureOwn(adapter, { encoder, type, runs, sampled, profile });
    ({ f16 } = own);
    keep(`OmniTab, ${type}`, own);
    result.kernels.push(...own.kernels.map((kernel) => ({ encoder, type, ...kernel })));
  }
  for (const type of f16 ? new Set(["f32", ...peerTypes] as const) : (["f32"] as const))
    keep(`onnxruntime-web, ${type}`, await measurePeer(adapter, encoder, type, { runs, sampled }));
  const exact = rows.get("onnxruntime-web, f32")!.values;
  const size = Math.sqrt(exact.reduce((sum, value) => sum + value ** 2, 0) / exact.length);
  const own = result.rows.length;
  for (const [runtime, { timesMs, values, loadMs }] of rows) {
    const ms = median(timesMs);
    const difference = Math.max(...values.map((value, i) => Math.abs(value - exact[i]!))) / size;
    result.rows.push({ encoder, runtime, ms, perSecond: (shape.amount / ms) * 1000, difference, loadMs });
  }
  const measured = result.rows.slice(own);
  const isOwn = ({ runtime }: Row) => runtime.startsWith("OmniTab");
  const fastest = Math.max(...measured.filter((row) => !isOwn(row)).map(({ perSecond }) => perSecond));
  for (const { runtime, perSecond } of measured.filter(isOwn))
    result.ratios.push({ encoder, runtime, ratio: perSecond / fastest });
}

function measureOwn(adapter: AdapterLaunch, request: EncoderRequest): Promise<EncoderResult> {
  return withSourcePage(adapter, "encoder/page.html", "measureEncoder", (tab) =>
    tab.evaluate((json) => globalThis.measureEncoder(JSON.parse(json)), JSON.stringify(request)),
  );
}

function print({ adapter, rows, ratios, kernels }: Result): void {
  console.log(`\n${adapter}; ratio: to the faster of onnxruntime-web's`);
  printTable(
    rows.map(({ encoder, runtime, ms, perSecond, difference, loadMs }) => ({
      ...{ encoder, runtime, ms: ms.toFixed(0) },
      "a second": `${perSecond.toFixed(2)} ${encoderShapes[encoder].unit}`,
      ratio:
        ratios.find((each) => each.encoder === encoder && each.runtime === runtime)?.ratio.toFixed(2) ?? "",
      difference: difference.toExponential(1),
      "load ms": loadMs.toFixed(0),
    })),
  );
  if (kernels.length === 0) return;
  console.log("");
  printTable(
    kernels.map(({ encoder, type, label, count, ms }) => ({
      ...{
        encoder,
        type,
        kernel: label,
        times: String(count),
        ms: ms.toFixed(2),
        "in all": (count * ms).toFixed(1),
      },
    })),
  );
}
