/** The page that `main.ts` measures in: many requests to the built library, as an app would send them. */

import { createOmni } from "/omnitab/index.js";
import { requestsTo } from "../requests.js";

/** What constrained decoding is measured with: none of them can end before it has many tokens. */
const constraints = {
  "JSON schema": {
    guided_json: {
      type: "array",
      minItems: 200,
      items: {
        type: "object",
        properties: {
          name: { type: "string", maxLength: 20 },
          age: { type: "integer", minimum: 0, maximum: 120 },
          tags: { type: "array", items: { enum: ["kind", "sly", "old"] }, maxItems: 3 },
        },
        required: ["name", "age", "tags"],
        additionalProperties: false,
      },
    },
  },
  "long string": { guided_json: { type: "string", minLength: 4000 } },
  regex: { guided_regex: "([A-Z][a-z]{1,10} ){300}" },
};

/** Tokens per second while all of the answers, which were asked for at once, were being generated. */
function decodeSpeed(answers) {
  const startMs = Math.max(...answers.map(({ arrivedMs }) => arrivedMs[0]));
  const endMs = Math.min(...answers.map(({ arrivedMs }) => arrivedMs.at(-1)));
  const inside = answers.flatMap(({ arrivedMs }) => arrivedMs).filter((ms) => ms > startMs && ms <= endMs);
  return (inside.length * 1000) / (endMs - startMs);
}

/**
 * The time between two tokens of a running stream, usually and while a long prompt is computed; and how long the steps of
 * such prompts take alone. With a runtime of its own: what it knows of its steps is then of these.
 *
 * @param {{ model: string, runs: number, longTokens: number, contextLength: number }} options
 */
async function measureGaps({ model, runs, longTokens, contextLength }) {
  const omni = await createOmni({ model, tuning: false, kvCache: { contextLength } });
  const { promptOf, complete } = await requestsTo(omni);
  const { timings } = await complete(promptOf(1, 16), 16);
  for (let run = 0; run < runs; run++) await complete(promptOf(10 + run, longTokens), 1);
  const { promptChunk } = (await omni.stats()).latency;

  const plainMs = [];
  const besideMs = [];
  const chunks = Math.ceil(promptChunk.count / runs);
  for (let run = 0; run < runs; run++) {
    const stream = { sentMs: performance.now() };
    const streamed = complete(promptOf(20 + run, 16), 2 * chunks + 24);
    await new Promise((resolve) => setTimeout(resolve, 16 * (timings.predicted_ms / timings.predicted_n)));
    const long = { sentMs: performance.now() };
    await complete(promptOf(30 + run, longTokens), 1);
    long.doneMs = performance.now();
    const times = (await streamed).arrivedMs.map((ms) => ms + stream.sentMs);
    for (let i = 2; i < times.length; i++) {
      const beside = times[i] > long.sentMs && times[i - 1] < long.doneMs;
      (beside ? besideMs : plainMs).push(times[i] - times[i - 1]);
    }
  }
  await omni.dispose();
  return { plainMs, besideMs, chunkMs: promptChunk.recent.p50Ms, longestChunkMs: promptChunk.recent.maxMs };
}

/**
 * @param {{ model: string, streams: number, tokens: number, runs: number, longTokens: number, historyTokens: number,
 *   contextLength: number }} options
 */
async function measure({ model, streams, tokens, runs, longTokens, historyTokens, contextLength }) {
  const gaps = await measureGaps({ model, runs, longTokens, contextLength });
  const omni = await createOmni({ model, tuning: false, kvCache: { contextLength } });
  const { promptOf, complete } = await requestsTo(omni);
  await complete(promptOf(1, 100), 8);

  /** One alone and many together: how fast they decode, and whether each of the many writes what it writes alone. */
  const together = [];
  const texts = [];
  for (const count of [1, streams]) {
    const speeds = [];
    for (let run = 0; run <= runs; run++) {
      const prompts = Array.from({ length: count }, (_, i) => promptOf(1000 * count + 100 * run + i, 16));
      const answers = await Promise.all(prompts.map((prompt) => complete(prompt, tokens)));
      if (run > 0) speeds.push(decodeSpeed(answers));
      if (run === 0 && count > 1) texts.push(...answers.map(({ text }, i) => ({ prompt: prompts[i], text })));
    }
    together.push({ count, speeds });
  }
  let different = 0;
  for (const { prompt, text } of texts)
    if ((await complete(prompt, tokens, { cache_prompt: false })).text !== text) different++;

  /** A first turn, and a second one that goes on from it. */
  const turns = { firstMs: [], secondMs: [] };
  for (let run = 0; run <= runs; run++) {
    const history = promptOf(300 + run, historyTokens);
    const first = await complete(history, 8);
    const second = await complete([...history, ...promptOf(400 + run, 20)], 8);
    if (run === 0) continue;
    turns.firstMs.push(first.arrivedMs[0]);
    turns.secondMs.push(second.arrivedMs[0]);
  }

  const speedOf = ({ timings }) => ((timings.predicted_n - 1) / timings.predicted_ms) * 1000;
  const constrained = [];
  for (const [name, constraint] of Object.entries(constraints)) {
    const plain = [];
    const bound = [];
    for (let run = 0; run <= runs; run++) {
      const prompt = promptOf(500 + run, 16);
      const pair = [await complete(prompt, 2 * tokens), await complete(prompt, 2 * tokens, constraint)];
      if (run === 0) continue;
      plain.push(speedOf(pair[0]));
      bound.push(speedOf(pair[1]));
    }
    constrained.push({ name, plain, bound });
  }
  const stats = await omni.stats();
  await omni.dispose();
  return { together, different, gaps, turns, constrained, stats };
}

/**
 * Answers of the model to the schemas, several at a time.
 *
 * @param {{ model: string, schemas: unknown[], tokens: number, streams: number }} options
 * @returns {Promise<({ text: string, finished: boolean } | { refused: string })[]>}
 */
async function answerSchemas({ model, schemas, tokens, streams }) {
  const omni = await createOmni({ model, tuning: false });
  const { post } = await requestsTo(omni);
  const answers = [];
  let next = 0;
  const work = async () => {
    for (let i = next++; i < schemas.length; i = next++) {
      const request = {
        prompt: "json",
        guided_json: schemas[i],
        max_tokens: tokens,
        temperature: 1,
        seed: i,
      };
      try {
        const { choices } = await (await post("/v1/completions", request)).json();
        answers[i] = { text: choices[0].text, finished: choices[0].finish_reason === "stop" };
      } catch (error) {
        if (error.status !== 400) throw error;
        answers[i] = { refused: error.message };
      }
    }
  };
  await Promise.all(Array.from({ length: streams }, work));
  await omni.dispose();
  return answers;
}

Object.assign(globalThis, { measure, answerSchemas });
