import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { staleReason } from "./install.mjs";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), "omnitab-install-"));
  mkdirSync(path.join(dir, "node_modules"));
});
afterEach(() => rmSync(dir, { recursive: true }));

function write(file: string, packages: Record<string, unknown>) {
  writeFileSync(path.join(dir, file), JSON.stringify({ packages }));
}
const locked = {
  "": { name: "project" },
  "node_modules/a": { version: "1.0.0" },
  "node_modules/a/node_modules/b": { version: "2.0.0" },
  "node_modules/only-on-mars": { version: "3.0.0", optional: true },
};

test("nothing installed", () => {
  write("package-lock.json", locked);
  expect(staleReason(dir)).toBe("not installed yet");
});

test("what is installed agrees, an optional package aside", () => {
  write("package-lock.json", locked);
  const { "": _root, "node_modules/only-on-mars": _optional, ...installed } = locked;
  write("node_modules/.package-lock.json", installed);
  expect(staleReason(dir)).toBeUndefined();
});

test("another version is installed", () => {
  write("package-lock.json", locked);
  write("node_modules/.package-lock.json", { ...locked, "node_modules/a": { version: "0.9.0" } });
  expect(staleReason(dir)).toBe("a is 0.9.0, the lock file says 1.0.0");
});

test("a package is missing", () => {
  write("package-lock.json", locked);
  write("node_modules/.package-lock.json", { "node_modules/a": { version: "1.0.0" } });
  expect(staleReason(dir)).toBe("b is missing, the lock file says 2.0.0");
});
