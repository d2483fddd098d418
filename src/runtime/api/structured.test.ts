import { describe, expect, test } from "vitest";
import { createApi } from "./createApi.ts";
import { FakeEngine, type FakeEngineOptions } from "./testing/fakeEngine.ts";
import { fakeTemplate } from "./testing/fakeTokenizer.ts";
import { events, post } from "./testing/http.ts";

const chat = "/v1/chat/completions";
const hi = [{ role: "user", content: "Hi" }];
const person = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name", "age"],
  additionalProperties: false,
};
const format = (schema: unknown, more: object = {}) => ({
  type: "json_schema",
  json_schema: { name: "person", schema, ...more },
});

function setUp(options: FakeEngineOptions) {
  const engine = new FakeEngine(options);
  return { engine, api: createApi({ engine, chatTemplate: fakeTemplate }) };
}

/** What the model says, against what comes out. */
async function ask(body: object, reply: string): Promise<{ content: string; finish: string }> {
  const { api } = setUp({ reply: () => reply });
  const response = await post(api, chat, { messages: hi, max_tokens: 80, ...body });
  const { choices } = await response.json();
  return { content: choices[0].message.content, finish: choices[0].finish_reason };
}

describe("what the model wants to say is held to the format", () => {
  const wish = '{"name":"Ann","age":41}';
  test.each([
    ["response_format", { response_format: format(person, { strict: true, description: "a person" }) }],
    ["guided_json", { guided_json: person }],
    ["guided_json as text", { guided_json: JSON.stringify(person) }],
    ["structured_outputs.json", { structured_outputs: { json: person } }],
  ])("%s", async (_, body) => {
    expect(await ask(body, wish)).toEqual({ content: wish, finish: "stop" });
    // The model goes on: nothing may follow, so it ends there.
    expect(await ask(body, `${wish} and more`)).toEqual({ content: wish, finish: "stop" });
    // It wants to say something else: only the format gets through.
    const { content } = await ask(body, 'Sure! Here is your JSON: "x", 1');
    expect(content).toMatch(/^\{\s*"name":/);
    expect((await ask({ ...body, max_tokens: 9 }, wish)).finish).toBe("length");
  });

  test.each([
    [{ response_format: { type: "json_object" } }, '{"a":[1,{}]}'],
    [{ structured_outputs: { json_object: true } }, "{}"],
    [{ guided_regex: "[a-c]{2}\\d" }, "ab7"],
    [{ structured_outputs: { regex: "(yes|no)" } }, "no"],
    [{ guided_choice: ["red", "green"] }, "green"],
    [{ structured_outputs: { choice: ["red", "green"] } }, "red"],
    [{ guided_grammar: 'root ::= "(" root? ")"' }, "((()))"],
    [{ structured_outputs: { grammar: 'root ::= [a-z] ("," [a-z])*' } }, "a,b,c"],
  ])("%j takes %s", async (body, wish) => {
    expect((await ask(body, wish)).content).toBe(wish);
    expect((await ask(body, `?${wish}`)).content).not.toBe(`?${wish}`);
  });

  test("a type of text, null and false ask for nothing", async () => {
    for (const body of [
      { response_format: { type: "text" } },
      { response_format: null, guided_json: null },
      { structured_outputs: null },
    ])
      expect((await ask(body, "anything")).content).toBe("anything");
  });

  test("completions, with several choices, and streamed", async () => {
    const { api } = setUp({ reply: (index) => (index === 0 ? "yes" : "or no") });
    const body = { prompt: "Well?", guided_choice: ["yes", "no"], n: 2 };
    const whole = await (await post(api, "/v1/completions", body)).json();
    expect(whole.choices.map(({ text }: { text: string }) => text)).toEqual(["yes", "no"]);
    const streamed = await events(await post(api, "/v1/completions", { ...body, n: 1, stream: true }));
    expect(["yes", "no"]).toContain(streamed.map((event) => event.choices?.[0]?.text ?? "").join(""));
  });

  test("chat, streamed", async () => {
    const { api } = setUp({ reply: () => wish });
    const body = { messages: hi, response_format: format(person), stream: true };
    const chunks = await events(await post(api, chat, body));
    expect(chunks.map((chunk) => chunk.choices?.[0]?.delta.content ?? "").join("")).toBe(wish);
    expect(chunks.at(-2).choices[0].finish_reason).toBe("stop");
  });
});

describe("wrong fields are named, with the place in the schema", () => {
  const schemaField = "response_format.json_schema.schema";
  const wrong: [body: object, param: string, message: RegExp][] = [
    [{ response_format: "json" }, "response_format", /expected an object/],
    [{ response_format: {} }, "response_format.type", /Missing/],
    [{ response_format: { type: "json" } }, "response_format.type", /'json_schema'/],
    [{ response_format: { type: "json_schema" } }, "response_format.json_schema", /Missing/],
    [
      { response_format: { type: "json_schema", json_schema: {} } },
      "response_format.json_schema.name",
      /Missing/,
    ],
    [{ response_format: format(person, { name: "a b" }) }, "response_format.json_schema.name", /letters/],
    [
      { response_format: format(person, { strict: "yes" }) },
      "response_format.json_schema.strict",
      /a boolean/,
    ],
    [{ response_format: format(undefined) }, schemaField, /Missing/],
    [{ response_format: format([1]) }, schemaField, /a JSON schema/],
    [{ response_format: format({ type: "strin" }) }, schemaField, /at '#', the value of 'type'/],
    [
      { response_format: format({ properties: { a: { not: {} } } }) },
      schemaField,
      /'#\/properties\/a', the keyword 'not'/,
    ],
    [{ guided_json: "{" }, "guided_json", /no JSON/],
    [{ guided_json: { $ref: "#/$defs/x" } }, "guided_json", /'#\/\$defs\/x', where there is nothing/],
    [{ guided_regex: "(" }, "guided_regex", /'\)' is missing/],
    [{ guided_regex: 3 }, "guided_regex", /a string/],
    [{ guided_regex: "[]" }, "guided_regex", /no text can match/],
    [{ guided_grammar: "root ::= a" }, "guided_grammar", /no rule 'a' \(line 1/],
    [{ guided_grammar: "root ::= root 'a'" }, "guided_grammar", /unexpected/],
    [{ guided_grammar: 'root ::= root "a"' }, "guided_grammar", /no text can match/],
    [{ guided_choice: [] }, "guided_choice", /at least 1/],
    [{ guided_choice: ["a", 1] }, "guided_choice[1]", /a string/],
    [{ structured_outputs: {} }, "structured_outputs", /needs one of/],
    [{ structured_outputs: { regex: "[" } }, "structured_outputs.regex", /'\]' is missing/],
    [{ structured_outputs: { structural_tag: "x" } }, "structured_outputs.structural_tag", /not supported/],
    [{ structured_outputs: { regex: "a", choice: ["a"] } }, "structured_outputs.choice", /Only one/],
    [{ guided_regex: "a", guided_json: {} }, "guided_regex", /'guided_json' and 'guided_regex'/],
    [{ response_format: { type: "json_object" }, guided_choice: ["a"] }, "guided_choice", /Only one/],
  ];
  const { api, engine } = setUp({});
  test.each(wrong)("%j names %s", async (body, param, message) => {
    for (const [path, rest] of [
      [chat, { messages: hi }],
      ["/v1/completions", { prompt: "Hi" }],
    ] as const) {
      const response = await post(api, path, { ...rest, ...body, stream: true });
      expect(response.status).toBe(400);
      const { error } = await response.json();
      expect(error).toMatchObject({ type: "invalid_request_error", param });
      expect(error.message).toMatch(message);
    }
  });
  test("none of them reached the engine", () => expect(engine.requests).toHaveLength(0));
});
