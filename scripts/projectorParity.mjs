// @ts-check
/**
 * Compares projectors with llama.cpp's multimodal path (wllama, on the CPU): random weights at SmolVLM's, Qwen3-VL's and Gemma 3's
 * widths, layers and picture cut, and Ultravox on Whisper tiny's; the probabilities of the token that follows a picture or sound.
 *
 * usage: node scripts/projectorParity.mjs [idefics3|qwen3vl_merger|gemma3|ultravox]
 */

import path from "node:path";
import { chromium } from "playwright";
import { createServer } from "vite";
import { adapterLaunches } from "./browsers.mjs";

const root = path.resolve(import.meta.dirname, "..");
/** llama.cpp's encoders round to f16 in GELU and in attention. */
const allowed = 1e-3;
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};
const server = await createServer({ root, server: { port: 0, headers }, logLevel: "error" });
await server.listen();
let failed = false;
for (const { name, launch } of adapterLaunches()) {
  const browser = await chromium.launch(launch);
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    page.on("pageerror", (error) => console.error(error.message));
    await page.goto(new URL("bench/eval/page.html", server.resolvedUrls?.local[0]).href);
    const script = new URL("/scripts/projectorParityPage.ts", page.url()).href;
    const results = await page.evaluate(
      async ({ script, only }) => (await import(/* @vite-ignore */ script)).compareAll(only),
      { script, only: process.argv[2] },
    );
    for (const { media, divergence, largest, tokens } of results) {
      console.log(
        `${name}: ${media}: ${tokens.join(" and ")} tokens, KL ${divergence.toExponential(1)}, largest difference of a log-probability ${largest.toFixed(4)}`,
      );
      failed ||= !(divergence < allowed);
    }
  } finally {
    await browser.close();
  }
}
await server.close();
process.exitCode = failed ? 1 : 0;
