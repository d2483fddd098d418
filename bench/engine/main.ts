/** `npm run bench -- engine`: what the engine makes of many requests at once. */

import { existsSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { simulateLoad } from "../../src/runtime/engine/testing/simulateLoad.ts";
import { buildLibrary, chosenAdapters } from "../browser.ts";
import { countOf, fail, printTable } from "../cli.ts";
import { randomModelFile } from "../randomModel.ts";
import { type EngineRequest, measureEngine } from "./measure.ts";
import { rowsOf, simulationRows } from "./report.ts";
import { checkSchemas, schemaModel } from "./schemas.ts";

/** Small enough for SwiftShader, with a vocabulary as real models have. */
const randomDefault = { layers: 6 };

export async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      adapter: { type: "string" },
      random: { type: "string", default: JSON.stringify(randomDefault) },
      streams: { type: "string", default: "8" },
      tokens: { type: "string", default: "32" },
      runs: { type: "string", default: "3" },
      long: { type: "string", default: "2000" },
      history: { type: "string", default: "500" },
      schemas: { type: "string", default: "200" },
      simulated: { type: "string", default: "100000" },
      json: { type: "boolean", default: false },
    },
  });
  const request: EngineRequest = {
    streams: countOf("--streams", values.streams, 2),
    tokens: countOf("--tokens", values.tokens, 2),
    runs: countOf("--runs", values.runs),
    longTokens: countOf("--long", values.long, 64),
    historyTokens: countOf("--history", values.history, 32),
  };
  const schemaCount = countOf("--schemas", values.schemas, 0);
  const simulated = countOf("--simulated", values.simulated, 0);
  const adapters = chosenAdapters(values.adapter);
  const file = positionals[0] ? path.resolve(positionals[0]) : randomModelFile(values.random, "engine");
  if (!existsSync(file)) fail(`there is no file ${file}`);
  buildLibrary();

  const results = [];
  for (const adapter of adapters) {
    const figures = await measureEngine(adapter, file, request);
    const schemas =
      schemaCount > 0 ? await checkSchemas(adapter, schemaModel(), schemaCount, request.streams) : undefined;
    const result = { adapter: adapter.name, ...request, ...figures, schemas };
    results.push(result);
    if (!values.json) printTable(rowsOf(result));
  }
  const startedMs = performance.now();
  const load = simulated > 0 ? simulateLoad(simulated) : undefined;
  const simulation = load && {
    requests: simulated,
    seconds: (performance.now() - startedMs) / 1000,
    ...load,
  };
  if (values.json) console.log(JSON.stringify({ results, simulation }, null, 2));
  else if (simulation) printTable(simulationRows(simulation));
}
