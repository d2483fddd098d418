/** `npm run bench -- kernels [filter]`: each kernel of a model by itself. */

import { parseArgs } from "node:util";
import type { AdapterLaunch } from "../../scripts/browsers.mjs";
import { chosenAdapters, withSourcePage } from "../browser.ts";
import { countOf, fail, listOf, printTable } from "../cli.ts";
import { fits, modelShapes, packHeader, type ShapeName, shapeHeader, weightTypes } from "../shapes.ts";
import type { KernelFigures, KernelRequest, KernelResult } from "./page.ts";

/** Enough for every dispatch to find its weights outside of caches; all layers are alike. */
export const kernelLayers = 8;

export async function main(args: string[]): Promise<void> {
  const { values, positionals: words } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      adapter: { type: "string" },
      shapes: { type: "string", default: "all" },
      types: { type: "string", default: "all" },
      cached: { type: "string", default: "1024" },
      prefill: { type: "string", default: "0" },
      json: { type: "boolean", default: false },
    },
  });
  const shapes = listOf("--shapes", values.shapes, Object.keys(modelShapes) as ShapeName[]);
  const types = listOf("--types", values.types, weightTypes);
  const cached = countOf("--cached", values.cached, 0);
  const prefill = countOf("--prefill", values.prefill, 0);
  const results = [];
  for (const adapter of chosenAdapters(values.adapter)) {
    const rows: Row[] = [];
    for (const shape of shapes) {
      const known: string[] = [];
      for (const type of types.filter((each) => fits(modelShapes[shape], each))) {
        const header = packHeader(shapeHeader(modelShapes[shape], type), kernelLayers);
        const { kernels } = await measureKernels(adapter, {
          ...{ header, cached, prefill, words, known, weightsOnly: false },
        });
        for (const kernel of kernels) {
          known.push(kernel.key);
          rows.push({ shape, type, ...kernel });
        }
      }
    }
    if (rows.length === 0) fail(`no kernel matches ${words.join(" ")}`);
    results.push({ adapter: adapter.name, kernels: rows.map(({ key: _, ...row }) => row) });
    if (!values.json) print(adapter.name, rows);
  }
  if (values.json) console.log(JSON.stringify(results));
}

/** In a browser of its own: a page that has used gigabytes of GPU memory gives them back late. */
export function measureKernels(adapter: AdapterLaunch, request: KernelRequest): Promise<KernelResult> {
  return withSourcePage(adapter, "kernels/page.html", "measureKernels", (tab) =>
    tab.evaluate((json) => globalThis.measureKernels(JSON.parse(json)), JSON.stringify(request)),
  );
}

type Row = KernelFigures & { shape: string; type: string };

function print(adapter: string, rows: Row[]): void {
  console.log(`\n${adapter}; of copy: the speed of a plain copy kernel that moves as many bytes is 1`);
  printTable(
    rows.map(({ shape, type, name, ms, weights, bytes, copyMs }) => ({
      ...{ shape, type, kernel: name, ms: ms.toFixed(ms < 0.1 ? 4 : 3) },
      "Gweights/s": weights > 0 ? (weights / ms / 1e6).toFixed(2) : "",
      "GB/s": (bytes / ms / 1e6).toFixed(2),
      "of copy": (copyMs / ms).toFixed(2),
    })),
  );
}
