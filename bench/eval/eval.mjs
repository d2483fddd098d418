// @ts-check
/**
 * `npm run eval`: how much of the held-out pictures, films and speech in `training/eval` the embedded model gets right, in a
 * browser, through the API that apps use. Rules and figures are those of `training/evaluate_media.py`.
 *
 * usage: npm run eval [-- --adapter swiftshader|lavapipe|gpu] [--skill name] [--json file] [--mistakes n]
 */

import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright";
import { createServer } from "vite";
import { adapterLaunches } from "../../scripts/browsers.mjs";
import { isRight, plainChance, wordErrors } from "./scoring.mjs";

const root = path.resolve(import.meta.dirname, "../..");
const { values } = parseArgs({
  options: {
    adapter: { type: "string" },
    skill: { type: "string", default: "" },
    json: { type: "string" },
    mistakes: { type: "string", default: "0" },
  },
});

/** @typedef {import("./scoring.mjs").Item} Item */
/** @type {Item[]} */
const all = JSON.parse(readFileSync(path.join(root, "training/eval/items.json"), "utf8"));
const items = all.filter(({ skill }) => skill.startsWith(values.skill));
const launches = adapterLaunches();
// The fastest that is set up: lavapipe is the last.
const launch = values.adapter ? launches.find(({ name }) => name === values.adapter) : launches.at(-1);
if (!launch)
  throw new Error(`adapter ${values.adapter}: ${launches.map(({ name }) => name).join(", ")} are set up`);

const server = await createServer({ root, server: { port: 0 }, logLevel: "error" });
await server.listen();
const browser = await chromium.launch(launch.launch);
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  page.on("console", (message) => console.error(message.text()));
  await page.goto(new URL("bench/eval/page.html", server.resolvedUrls?.local[0]).href);
  const replies = /** @type {string[]} */ (
    await page.evaluate(async (wanted) => {
      const { answerAll } = await import(
        /* @vite-ignore */ new URL("/bench/eval/answer.ts", location.href).href
      );
      return answerAll(wanted);
    }, items)
  );
  report(items, replies);
} finally {
  await browser.close();
  await server.close();
}

/** @param {Item[]} asked @param {string[]} replies */
function report(asked, replies) {
  console.log(`${asked.length} held-out items on ${launch?.name}\n`);
  console.log("| Kind | Right | Share | Chance |\n| --- | --- | --- | --- |");
  const skills = [...new Set(asked.map(({ skill }) => skill))];
  let sum = 0;
  for (const skill of skills) {
    const own = asked.flatMap((item, i) => (item.skill === skill ? [{ item, reply: replies[i] ?? "" }] : []));
    const right = own.filter(({ item, reply }) => isRight(item, reply)).length;
    sum += right;
    const chance = plainChance(own.map(({ item }) => item));
    const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(0)} %`;
    console.log(
      `| ${skill} | ${right} of ${own.length} | ${percent(right / own.length)} | ${percent(chance)} |`,
    );
  }
  console.log(`\nall: ${sum} of ${asked.length} (${((100 * sum) / asked.length).toFixed(1)} %)`);
  for (const skill of skills.filter((name) => name.includes("transcribe"))) {
    let [errors, words] = [0, 0];
    for (const [i, item] of asked.entries()) {
      if (item.skill !== skill) continue;
      const counted = wordErrors(item.expect, (replies[i] ?? "").replace("You said:", ""));
      errors += counted.errors;
      words += counted.words;
    }
    console.log(`word error rate, ${skill}: ${((100 * errors) / words).toFixed(0)} %`);
  }
  const wrong = asked.flatMap((item, i) =>
    isRight(item, replies[i] ?? "") ? [] : [[item.skill, replies[i], item.expect]],
  );
  for (const mistake of wrong.slice(0, Number(values.mistakes))) console.log(mistake.join(" | "));
  if (values.json)
    writeFileSync(
      values.json,
      JSON.stringify(
        asked.map((item, i) => ({
          skill: item.skill,
          reply: replies[i],
          right: isRight(item, replies[i] ?? ""),
        })),
        null,
        1,
      ),
    );
}
