/** CPU time of the runtime's worker, as Linux counts it for its thread. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { Browser } from "playwright";

/**
 * Milliseconds that all worker threads of the browser's pages have computed so far; undefined where the system does not
 * say. Chromium names the threads of dedicated workers so, and `schedstat` begins with nanoseconds on a CPU
 * (Documentation/scheduler/sched-stats.rst of Linux).
 */
export async function workerCpuMs(browser: Browser): Promise<number | undefined> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  let total: number | undefined;
  for (const { id } of processInfo.filter(({ type }) => type === "renderer")) {
    const tasks = `/proc/${id}/task`;
    if (!existsSync(tasks)) continue;
    for (const task of readdirSync(tasks))
      try {
        if (!readFileSync(`${tasks}/${task}/comm`, "utf8").startsWith("DedicatedWorker")) continue;
        const [nanoseconds = "0"] = readFileSync(`${tasks}/${task}/schedstat`, "utf8").split(" ");
        total = (total ?? 0) + Number(nanoseconds) / 1e6;
      } catch {
        // A thread may end while it is looked at.
      }
  }
  return total;
}
