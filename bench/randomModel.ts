/** Model files with random weights, for `--random`. */

import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { root } from "../scripts/install.mjs";
import { makeRandomModel, type RandomModel } from "../src/runtime/weights/testing/randomModel.ts";
import { fail } from "./cli.ts";
import { modelShapes } from "./shapes.ts";

/** What the option's fields change. */
const defaults: RandomModel = { ...modelShapes["llama-135m"], type: "q8_0", contextLength: 8192 };

/** Writes the file of a random model. @param json fields of a {@link RandomModel} @returns its path */
export function randomModelFile(json: string, name = "random"): string {
  const file = path.join(root, `.cache/bench/${name}.gguf`);
  mkdirSync(path.dirname(file), { recursive: true });
  try {
    writeFileSync(file, makeRandomModel({ ...defaults, ...JSON.parse(json) }));
  } catch (error) {
    fail(`--random: ${error instanceof Error ? error.message : error}`);
  }
  return file;
}
