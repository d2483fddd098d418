// @ts-check
/**
 * `npm start`: builds the chat page and serves it. Works on a fresh clone.
 *
 *   npm start -- --open             also opens a browser, with the flags that WebGPU needs there
 *   npm start -- --port 9000 --host 0.0.0.0
 */

import { spawn, spawnSync } from "node:child_process";
import path from "node:path";
import { parseArgs } from "node:util";
import { findChrome } from "./browsers.mjs";
import { ensureDependencies, root } from "./install.mjs";
import { serve, strictCsp } from "./serve.mjs";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "8080" },
    host: { type: "string", default: "127.0.0.1" },
    open: { type: "boolean", default: false },
  },
});
const port = Number(values.port);
if (!Number.isInteger(port) || port < 0 || port > 65535) {
  console.error(`--port ${values.port} is not a port number`);
  process.exit(1);
}

ensureDependencies();
console.log("Building the chat page …");
const { status } = spawnSync(process.execPath, [path.join(root, "scripts/build.mjs"), "app"], {
  cwd: root,
  stdio: ["ignore", "ignore", "inherit"],
});
if (status !== 0) process.exit(status ?? 1);

const headers = { "content-security-policy": strictCsp };
const server = await serve([{ path: "/", dir: path.join(root, "dist/app"), headers }], {
  port,
  host: values.host,
});
const address = `${server.origin}/`;
if (server.port !== port && port !== 0) console.log(`Port ${port} is taken.`);
console.log(`\n  OmniTab is at ${address}\n\n  Ctrl+C stops it.`);
if (!["127.0.0.1", "localhost", "::1"].includes(values.host))
  console.log(
    "  Other devices need HTTPS in front of this: browsers offer WebGPU only on localhost and secure pages.",
  );
if (values.open) openBrowser(address);

/** Opens the page: on Linux in a Chrome of its own profile, since flags only count for a browser that starts. */
/** @param {string} url */
function openBrowser(url) {
  const chrome = findChrome();
  if (process.platform === "linux") {
    if (!process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) {
      console.log("  --open: there is no display here; open the address in a browser yourself.");
      return;
    }
    if (!chrome) {
      console.log("  --open: found no Chrome or Chromium. Install one, or set CHROME to its path.");
      console.log(
        "  In another browser, open the address above; the page says what that browser needs for WebGPU.",
      );
      return;
    }
    const args = [
      "--enable-unsafe-webgpu",
      "--enable-features=Vulkan",
      `--user-data-dir=${path.join(root, ".cache/browser")}`,
      "--no-first-run",
      "--no-default-browser-check",
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      url,
    ];
    launch(chrome, args);
  } else if (chrome) {
    launch(chrome, [url]); // WebGPU is on by default in Chrome for macOS and Windows
  } else if (process.platform === "darwin") {
    launch("open", [url]);
  } else {
    launch("cmd", ["/c", "start", "", url]);
  }
}

/** @param {string} program @param {string[]} args */
function launch(program, args) {
  console.log(`  Opening it with ${program}${args.length > 1 ? ` ${args.slice(0, -1).join(" ")}` : ""}`);
  const child = spawn(program, args, { detached: true, stdio: "ignore" });
  child.on("error", (error) => console.log(`  --open: ${program} did not start: ${error.message}`));
  child.unref();
}
