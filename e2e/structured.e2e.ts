/** Structured output of the embedded model, through the built library under the strict policy. */

import { expect, test } from "./site.ts";

const schema = {
  type: "object",
  properties: {
    name: { type: "string", minLength: 1, maxLength: 12 },
    age: { type: "integer", minimum: 1, maximum: 99 },
    tags: { type: "array", items: { enum: ["kind", "sly", "old"] }, minItems: 1, maxItems: 2 },
  },
  required: ["name", "age", "tags"],
  additionalProperties: false,
};

test("a JSON schema, a choice and a grammar hold the model to them", async ({ embedded, site }) => {
  expect(site.requests(/grammar-/)).toEqual([]);
  const result = await embedded.evaluate(async (schema) => {
    globalThis.omni = await createOmni({ model: "../../public/models/omni-tiny.gguf", modelId: "tiny" });
    globalThis.client = new OpenAI({
      apiKey: "local",
      baseURL: "https://omni.local/v1",
      fetch: omni.fetch,
      dangerouslyAllowBrowser: true,
    });
    const messages = [{ role: "user" as const, content: "Tell me of a fox, as JSON." }];
    const format = {
      response_format: {
        type: "json_schema" as const,
        json_schema: { name: "animal", schema, strict: true },
      },
      model: "tiny",
      messages,
      max_tokens: 120,
    };
    const texts: string[] = [];
    let chunks = 0;
    let finish: string | null = null;
    for (const temperature of [0, 1]) {
      let text = "";
      const stream = await client.chat.completions.create({ ...format, temperature, seed: 5, stream: true });
      for await (const { choices } of stream) {
        if (choices[0]?.delta.content) chunks++;
        text += choices[0]?.delta.content ?? "";
        finish = choices[0]?.finish_reason ?? finish;
      }
      texts.push(text);
    }
    const whole = await client.chat.completions.create({ ...format, temperature: 0 });
    const ask = async (more: object) =>
      (await client.completions.create({ model: "tiny", prompt: "The fox is", max_tokens: 40, ...more }))
        .choices[0]!.text;
    return {
      texts,
      chunks,
      finish,
      whole: whole.choices[0]!,
      choice: await ask({ guided_choice: [" sly", " kind"] }),
      grammar: await ask({ guided_grammar: 'root ::= "(" ([a-z]{1,3} | root) ")"' }),
      refused: await client.chat.completions
        .create({
          ...format,
          response_format: { type: "json_schema", json_schema: { name: "x", schema: { not: {} } } },
        })
        .catch((error: unknown) => (error instanceof OpenAI.APIError ? error.message : String(error))),
    };
  }, schema);
  for (const text of [...result.texts, result.whole.message.content ?? ""]) {
    const value = JSON.parse(text) as { name: string; age: number; tags: string[] };
    expect(Object.keys(value)).toEqual(["name", "age", "tags"]);
    expect(value.name.length).toBeGreaterThan(0);
    expect([...value.name].length).toBeLessThanOrEqual(12);
    expect(Number.isInteger(value.age) && value.age >= 1 && value.age <= 99).toBe(true);
    expect(["kind", "sly", "old"]).toContain(value.tags[0]);
  }
  expect(result.texts[0]).toBe(result.whole.message.content);
  expect(result.finish).toBe("stop");
  expect(result.whole.finish_reason).toBe("stop");
  expect(result.chunks).toBeGreaterThan(10);
  expect([" sly", " kind"]).toContain(result.choice);
  expect(result.grammar).toMatch(/^\(+[a-z]{1,3}\)+$/);
  expect(result.refused).toContain("the keyword 'not' is not supported");
  // Its code came when it was asked for, and once.
  expect(site.requests(/grammar-[\w-]+\.js/)).toHaveLength(1);
});
