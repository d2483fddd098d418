/** The test site: both builds and the fixtures behind one server, under the strict policy and from deep paths. */

import path from "node:path";
import { test as base, expect, type Page } from "playwright/test";
import { type Mount, serve, strictCsp } from "../scripts/serve.mjs";

const root = path.resolve(import.meta.dirname, "..");
export const fixtures = path.join(root, ".cache/e2e-fixtures");

export interface Site {
  origin: string;
  /** The chat page. */
  app: string;
  /** The chat page over a model that only counts what it is given (`?inputs=` says what it takes). */
  fake: string;
  /** The same from an address that may use neither camera nor microphone. */
  forbidden: string;
  /** A page of its own that embeds the built library. */
  embed: string;
  /** Addresses of the requests so far that match, oldest first, with their `Range` header. */
  requests: (pattern: RegExp) => { url: string; range: string | undefined }[];
}

const headers = { "content-security-policy": strictCsp };

const mounts: Mount[] = [
  { path: "/some/deep/path/chat/", dir: path.join(root, "dist/app"), headers },
  { path: "/fake/chat/", dir: path.join(fixtures, "fake-page"), headers },
  {
    path: "/fake/forbidden/",
    dir: path.join(fixtures, "fake-page"),
    headers: { ...headers, "permissions-policy": "camera=(), microphone=()" },
  },
  { path: "/apps/own/vendor/omnitab/", dir: path.join(root, "dist/lib"), headers },
  { path: "/apps/own/vendor/", dir: path.join(fixtures, "vendor"), headers },
  { path: "/apps/own/", dir: path.join(root, "e2e/pages"), headers },
  { path: "/models/", dir: fixtures },
  { path: "/public/", dir: path.join(root, "public") },
  { path: "/faults/truncated/", dir: fixtures, truncateBytes: 60_000 },
  { path: "/faults/dropping/", dir: fixtures, dropBytes: 50_000 },
  { path: "/faults/dropping-whole/", dir: fixtures, dropBytes: 50_000, noRange: true },
  { path: "/faults/whole/", dir: fixtures, noRange: true },
  { path: "/faults/slow/", dir: fixtures, bytesPerSecond: 40_000 },
];

export const test = base.extend<{ guarded: Page; embedded: Page }, { site: Site }>({
  site: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures it needs from this pattern
    async ({}, use) => {
      const log: { url: string; range: string | undefined }[] = [];
      const onRequest = ({
        url,
        headers,
      }: {
        url?: string | undefined;
        headers: { range?: string | undefined };
      }) => log.push({ url: url ?? "", range: headers.range });
      const server = await serve(mounts, { onRequest });
      await use({
        origin: server.origin,
        app: `${server.origin}/some/deep/path/chat/`,
        fake: `${server.origin}/fake/chat/`,
        forbidden: `${server.origin}/fake/forbidden/`,
        embed: `${server.origin}/apps/own/embed.html`,
        requests: (pattern) => log.filter(({ url }) => pattern.test(url)),
      });
      await server.close();
    },
    { scope: "worker" },
  ],

  /** A page on which nothing may go wrong unnoticed: no uncaught error, nothing the policy refuses. */
  guarded: async ({ page }, use) => {
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(`uncaught: ${error.stack ?? error.message}`));
    page.on("console", (message) => {
      const text = message.text();
      if (message.type() === "error" && /Content Security Policy|violates|Refused/.test(text))
        problems.push(text);
    });
    await use(page);
    expect(problems).toEqual([]);
  },

  /** The embedding page, with `createOmni`, `OmniError` and `OpenAI` as globals. */
  embedded: async ({ guarded, site }, use) => {
    await guarded.goto(site.embed);
    await guarded.waitForFunction(() => "createOmni" in globalThis);
    await use(guarded);
  },
});

export { expect };
