// @ts-check
/** Asks each browser that tests run in which WebGPU adapter it has. `node scripts/adapters.mjs` prints them. */

import { realpathSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { adapterLaunches } from "./browsers.mjs";
import { root } from "./install.mjs";
import { serve } from "./serve.mjs";

/**
 * @typedef {object} AdapterReport
 * @property {string} browser
 * @property {string} description vendor, architecture and device, as the browser gives them
 * @property {boolean} f16
 * @property {[number, number] | null} subgroupSizes smallest and largest; null without subgroups
 * @property {Record<string, number>} limits in bytes or invocations
 */

/**
 * @param {import("./browsers.mjs").AdapterLaunch} adapter
 * @returns {Promise<AdapterReport | null>} null when the browser gives no adapter
 */
export async function probe({ launch }) {
  const { chromium } = await import("playwright");
  // WebGPU needs a secure context, which about:blank is not; any page from localhost will do.
  const server = await serve([{ path: "/", dir: root }]);
  const browser = await chromium.launch(launch);
  try {
    const page = await browser.newPage();
    await page.goto(`${server.origin}/package.json`);
    const found = await page.evaluate(async () => {
      const adapter = await navigator.gpu?.requestAdapter();
      if (!adapter) return null;
      const { info, limits } = adapter;
      return {
        description: [info.vendor, info.architecture, info.device, info.description]
          .filter(Boolean)
          .join(" "),
        f16: adapter.features.has("shader-f16"),
        subgroupSizes: adapter.features.has("subgroups")
          ? /** @type {[number, number]} */ ([info.subgroupMinSize, info.subgroupMaxSize])
          : null,
        limits: {
          maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
          maxBufferSize: limits.maxBufferSize,
          maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
          maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
          maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
        },
      };
    });
    return found && { browser: `Chromium ${browser.version()}`, ...found };
  } finally {
    await browser.close();
    await server.close();
  }
}

/** One adapter as text. @param {string} name @param {AdapterReport | null} report */
export function describe(name, report) {
  if (!report) return `${name}: the browser gives no WebGPU adapter`;
  const { limits, subgroupSizes } = report;
  /** @type {(sizeBytes: number | undefined) => string} */
  const mebibytes = (sizeBytes) => `${Math.round((sizeBytes ?? 0) / 2 ** 20)} MiB`;
  return [
    `${name}: ${report.description} in ${report.browser}`,
    `  shader-f16 ${report.f16 ? "yes" : "no"}, subgroups ${subgroupSizes ? subgroupSizes.join(" to ") : "no"}`,
    `  storage binding ${mebibytes(limits.maxStorageBufferBindingSize)}, buffer ${mebibytes(limits.maxBufferSize)}, ` +
      `${limits.maxStorageBuffersPerShaderStage} storage buffers, ` +
      `${limits.maxComputeInvocationsPerWorkgroup} invocations and ` +
      `${(limits.maxComputeWorkgroupStorageSize ?? 0) / 1024} KiB of memory per workgroup`,
  ].join("\n");
}

if (process.argv[1] && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  const launches = adapterLaunches();
  if (launches.length === 0) console.log("found no browser");
  for (const adapter of launches) console.log(describe(adapter.name, await probe(adapter)));
}
