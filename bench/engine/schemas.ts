/** Whether what a model without a mind writes under JSON schemas of many kinds is valid, by `ajv`. */

import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import type { AdapterLaunch } from "../../scripts/browsers.mjs";
import { randomSchema } from "../../src/runtime/grammar/testing/schemas.ts";
import { ownLibrary, withBuiltPage } from "../browser.ts";
import { randomModelFile } from "../randomModel.ts";

export interface SchemaCounts {
  asked: number;
  valid: number;
  /** Still under way when the tokens ran out. */
  cut: number;
  refused: number;
  invalid: { seed: number; text: string; reason: string }[];
}

/** Tiny, as only its lack of sense matters. */
export const schemaModel = () =>
  randomModelFile(
    JSON.stringify({
      ...{ layers: 2, width: 64, heads: 4, kvHeads: 2, headWidth: 16, feedForward: 96, vocab: 331 },
      contextLength: 1024,
    }),
    "schemas",
  );

type Answer = { text: string; finished: boolean } | { refused: string };

export async function checkSchemas(
  adapter: AdapterLaunch,
  file: string,
  count: number,
  streams: number,
): Promise<SchemaCounts> {
  const schemas = Array.from({ length: count }, (_, seed) => randomSchema(seed));
  const answers = await withBuiltPage(
    adapter,
    { page: "engine/page.html", file, library: ownLibrary },
    (tab, model) =>
      tab.evaluate(
        (options) =>
          (globalThis as unknown as { answerSchemas(options: unknown): Promise<Answer[]> }).answerSchemas(
            options,
          ),
        { model, schemas, tokens: 400, streams },
      ),
  );
  const ajv = new Ajv2020({ strict: false, validateFormats: true });
  (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
  const counts: SchemaCounts = { asked: count, valid: 0, cut: 0, refused: 0, invalid: [] };
  answers.forEach((answer, seed) => {
    if ("refused" in answer) counts.refused++;
    else if (!answer.finished) counts.cut++;
    else {
      const reason = reasonAgainst(ajv, schemas[seed]!, answer.text);
      if (reason === undefined) counts.valid++;
      else counts.invalid.push({ seed, text: answer.text, reason });
    }
  });
  return counts;
}

/** Why the text is not valid under the schema. */
function reasonAgainst(ajv: Ajv2020, schema: object | boolean, text: string): string | undefined {
  try {
    const validate = ajv.compile(schema);
    return validate(JSON.parse(text)) ? undefined : ajv.errorsText(validate.errors);
  } catch (error) {
    return String(error);
  }
}
