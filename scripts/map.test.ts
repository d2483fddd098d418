import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { root } from "./install.mjs";

/** Paths of the README's map: what each line begins with, in the folders above it by indentation. */
function mapped(): string[] {
  const block = /## Map\n[^`]*(?:`[^`\n]+`[^`]*)*```\n([\s\S]*?)\n```/.exec(
    readFileSync(path.join(root, "README.md"), "utf8"),
  );
  const folders: string[] = [];
  const paths: string[] = [];
  for (const line of block![1]!.split("\n")) {
    const [, indent, names] = /^( *)([^\s,]+(?:, [^\s,]+)*)/.exec(line)!;
    for (const name of names!.split(", ")) {
      const at = path.posix.join(...folders.slice(0, indent!.length / 2), name);
      paths.push(at);
      if (name.endsWith("/")) folders[indent!.length / 2] = name;
    }
  }
  return paths;
}

/** Files of `src/` that want a line: not tests, references, goldens, nor what a folder's own line covers. */
function wanted(): string[] {
  const tracked = execFileSync("git", ["ls-files", "src"], { cwd: root, encoding: "utf8" }).split("\n");
  const families = tracked
    .filter((file) => /\.(tsx?|wgsl)$/.test(file) && existsSync(path.join(root, file)))
    .filter((file) => !/\.(test|ref)\.ts$|\/testing\/|\/goldens\//.test(file));
  const scripts = new Set(families.filter((file) => !file.endsWith(".wgsl")));
  return families.filter((file) => {
    // `matmulVec.single.wgsl` and `matmulVec.wgsl` belong to `matmulVec.ts`.
    const family = `${file.replace(/(\.\w+)?\.wgsl$/, "")}.ts`;
    return !file.endsWith(".wgsl") || !scripts.has(family);
  });
}

test("the README's map has a line for every file of the source, and none for a file that is not there", () => {
  const paths = mapped();
  expect(paths.length).toBeGreaterThan(100);
  expect(paths.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
  expect(wanted().filter((file) => !paths.includes(file))).toEqual([]);
});
