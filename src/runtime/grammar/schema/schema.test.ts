import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { beforeAll, describe, expect, test } from "vitest";
import { OmniError } from "../../errors.ts";
import type { Tokenizer } from "../../text/types.ts";
import { compileGrammar } from "../compile.ts";
import { generate } from "../testing/generate.ts";
import { mulberry } from "../testing/random.ts";
import { handWritten, randomSchema, refused } from "../testing/schemas.ts";
import { embeddedTokenizer, largeTokenizer, sentencePieceTokenizer } from "../testing/tokenizers.ts";

const ajv = new Ajv2020({ strict: false, allErrors: false, validateFormats: true });
(addFormats as unknown as (ajv: Ajv2020) => void)(ajv);

const compile = (schema: unknown, tokenizer: Tokenizer) =>
  compileGrammar({ kind: "json_schema", schema, param: "guided_json" }, tokenizer);

/** Outputs of a mindless model: those that end have to be valid, those that are cut have to be prefixes. */
function check(schema: unknown, tokenizer: Tokenizer, seed: number, runs: number, most = 300): number {
  const grammar = compile(schema, tokenizer);
  const validate = ajv.compile(schema as object | boolean);
  const random = mulberry(seed);
  let finished = 0;
  for (let run = 0; run < runs; run++) {
    const output = generate(grammar.start(true), tokenizer, random, most);
    if (!output.finished) {
      // Cut: the same tokens, and then others, are still a text of the grammar.
      const again = grammar.start(true);
      for (const token of output.tokens) again.accept(token);
      expect(again.mask().some((word) => word !== 0)).toBe(true);
      continue;
    }
    finished++;
    let value: unknown;
    try {
      value = JSON.parse(output.text);
    } catch (error) {
      throw new Error(`${JSON.stringify(output.text)} of ${JSON.stringify(schema)}: ${error}`);
    }
    if (!validate(value))
      throw new Error(
        `${output.text} is not valid under ${JSON.stringify(schema)}: ${ajv.errorsText(validate.errors)}`,
      );
  }
  return finished;
}

let embedded: Tokenizer;
let large: Tokenizer;
const pieces = sentencePieceTokenizer();
beforeAll(async () => {
  embedded = await embeddedTokenizer();
  large = await largeTokenizer(60_000);
}, 60_000);

describe("schemas by hand: what a model without a mind writes is valid", () => {
  test.each(Object.entries(handWritten))("%s", { timeout: 60_000 }, (_, schema) => {
    expect(check(schema, embedded, 1, 5) + check(schema, pieces, 2, 3)).toBeGreaterThan(0);
  });
  test("with a large vocabulary", { timeout: 120_000 }, () => {
    let finished = 0;
    for (const [name, schema] of Object.entries(handWritten))
      if (name.length % 3 === 0) finished += check(schema, large, 3, 1, 80);
    expect(finished).toBeGreaterThan(15);
  });
});

test("200 schemas from seeds: valid, or refused with a reason", { timeout: 240_000 }, () => {
  let enforced = 0;
  let finished = 0;
  for (let seed = 0; seed < 200; seed++) {
    const schema = randomSchema(seed);
    try {
      finished += check(schema, seed % 4 === 0 ? pieces : embedded, seed, 3);
      enforced++;
    } catch (error) {
      if (!(error instanceof OmniError)) throw new Error(`seed ${seed}: ${error}`);
      expect(error).toMatchObject({ code: "invalid_request", param: "guided_json" });
      expect(error.message).toMatch(
        /no text can match|is not supported|only supported|may both be valid|refers to itself|are not supported/,
      );
    }
  }
  console.log(
    `${enforced} schemas of 200 are enforced, ${finished} of ${3 * enforced} outputs came to an end`,
  );
  expect(enforced).toBeGreaterThan(130);
  expect(finished).toBeGreaterThan(2 * enforced);
});

describe("refused up front, with the place", () => {
  test.each(Object.entries(refused))("%s", (_, [schema, reason]) => {
    expect(() => compile(schema, pieces)).toThrow(reason);
  });
});

/** Whether a text is one of the grammar, byte by byte. */
function accepts(schema: unknown, text: string): boolean {
  const constraint = compile(schema, pieces).start(false);
  return constraint.acceptBytes(new TextEncoder().encode(text)) && constraint.mayEnd;
}

describe("a schema's values can be written, in the usual ways", () => {
  const profile = handWritten["a profile"];
  const value = {
    id: "123e4567-e89b-12d3-a456-426614174000",
    email: "ann.lee@mail.example.org",
    born: "2024-02-29",
    roles: ["user", "admin"],
    address: { street: 'Rue "é"', zip: "01234" },
    score: 99.5,
  };
  test.each([
    [profile, JSON.stringify(value)],
    [profile, JSON.stringify(value, null, 2)],
    [profile, JSON.stringify(value, null, "\t")],
    [profile, JSON.stringify(value).replaceAll('":', '": ').replaceAll(',"', ', "')],
    [{ type: "string" }, '"\\u00e9\\n\\ud83d\\ude00/"'],
    [{ type: "number" }, "-12.5e-3"],
    [{ type: "object" }, '{"a": {"b": [1, [], {}, "x", null, true]}, "c": -0.5}'],
    [{ type: "number", minimum: 0.5, maximum: 10 }, "10"],
    [{ type: "number", minimum: 0.5, maximum: 10 }, "10.0"],
    [{ type: "number", minimum: 0.5 }, "0.5"],
    [{ type: "number", maximum: -0.5 }, "-0.50"],
    [{ type: "integer", multipleOf: 7 }, "-700"],
    [{ additionalProperties: { type: "integer" }, properties: { a: {} } }, '{"\\u0061b":1}'],
  ])("%j takes %s", (schema, text) => expect(accepts(schema, text)).toBe(true));
  test.each([
    [
      { type: "number", minimum: 0.5, maximum: 10 },
      ["0.49999", "10.000000001", "0", "-1", "11", "1e1", "01", "1.", ".5"],
    ],
    [{ type: "integer", exclusiveMinimum: 3, maximum: 120 }, ["3", "121", "1200", "4.0", "-4", "+5"]],
    [{ type: "string", maxLength: 2 }, ['"abc"', '"\\u0061bc"', "ab", '"a']],
    [
      { additionalProperties: { type: "integer" }, properties: { a: { type: "null" } } },
      ['{"a":1}', '{"\\u0061":1}'],
    ],
    [{ type: "boolean" }, ["True", " true", "true ", ""]],
    [{ type: "array", items: {}, maxItems: 1 }, ["[1,2]", "[,]", "[1,]"]],
  ])("%j takes none of %j", (schema, texts) => {
    for (const text of texts) expect([text, accepts(schema, text)]).toEqual([text, false]);
  });
});
