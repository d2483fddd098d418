/** llama.cpp by way of node-llama-cpp, installed aside: the reference that goldens are made with. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { installAside } from "../aside.mjs";

// Pinned, so that goldens can be made again. Only the CPU binary: the optional GPU ones take 700 MB.
const version = "3.22.1";

/** The folder that it is installed in. */
function installed() {
  const platform = `@node-llama-cpp/${process.platform === "darwin" ? "mac" : process.platform}-${process.arch}`;
  return installAside("oracle", [`node-llama-cpp@${version}`, `${platform}@${version}`]);
}

/** @returns {Promise<typeof import("node-llama-cpp")>} */
async function library() {
  const entry = createRequire(path.join(installed(), "x.js")).resolve("node-llama-cpp");
  return import(pathToFileURL(entry).href);
}

/** Opens llama.cpp on the CPU. */
export async function openOracle() {
  const { getLlama } = await library();
  const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
  const release = JSON.parse(
    readFileSync(path.join(installed(), "node_modules/node-llama-cpp/llama/binariesGithubRelease.json"), "utf8"),
  ).release;
  return {
    versions: { nodeLlamaCpp: version, llamaCpp: release },

    /** @param {string} file a GGUF of which only the vocabulary is loaded */
    openVocabulary: (file) => llama.loadModel({ modelPath: file, vocabOnly: true }),

    /** @param {string} file a GGUF; keys and values are cached as f32 */
    async open(file) {
      const model = await llama.loadModel({ modelPath: file });
      const context = await model.createContext({
        contextSize: 512,
        threads: 2,
        flashAttention: false,
        experimentalKvCacheKeyType: "F32",
        experimentalKvCacheValueType: "F32",
      });
      return {
        model,
        /**
         * Probabilities of the next token after each of these.
         * @param {number[]} tokens @param {number} vocab @returns {Promise<Float32Array[]>}
         */
        async probabilities(tokens, vocab) {
          const sequence = context.getSequence();
          const input = tokens.map((token) => [token, { generateNext: { probabilities: true } }]);
          const steps = await sequence.controlledEvaluate(input);
          sequence.dispose();
          return steps.map(({ next }) => {
            const row = new Float32Array(vocab);
            for (const [token, probability] of next.probabilities) row[token] = probability;
            return row;
          });
        },
        /**
         * The most probable continuation, token by token, up to an end token (not included) or `most` tokens.
         * @param {number[]} tokens @param {number} most @returns {Promise<number[]>}
         */
        async greedy(tokens, most) {
          const sequence = context.getSequence();
          const out = [];
          for await (const token of sequence.evaluate(tokens, { temperature: 0 })) {
            if (model.isEogToken(token)) break;
            out.push(token);
            if (out.length === most) break;
          }
          sequence.dispose();
          return out;
        },
        async close() {
          await context.dispose();
          await model.dispose();
        },
      };
    },
  };
}
