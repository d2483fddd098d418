/** Makes a kernel count, or mark, the turns of its loops: where they stand in WGSL is the same for every compiler. */

/** With spaces in their places. */
function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, (comment) => comment.replace(/[^\n]/g, " "));
}

/** Where a loop's body begins in the source: behind its brace. */
function loopBodies(source: string): number[] {
  const code = withoutComments(source);
  const bodies: number[] = [];
  for (const match of code.matchAll(/\b(for|while|loop)\b/g)) {
    let at = match.index + match[1]!.length;
    if (match[1] !== "loop") at = closing(code, code.indexOf("(", at)) + 1;
    const brace =
      match[1] === "while" || match[1] === "loop" || match[1] === "for" ? code.indexOf("{", at) : -1;
    if (brace >= 0) bodies.push(brace + 1);
  }
  return bodies.sort((a, b) => a - b);
}

/** Where what opens here is closed. */
function closing(code: string, open: number): number {
  const [opening, end] = code[open] === "{" ? "{}" : "()";
  let depth = 0;
  for (let i = open; i < code.length; i++) {
    if (code[i] === opening) depth++;
    if (code[i] === end && --depth === 0) return i;
  }
  throw new Error(`A ${code[open]} is not closed.`);
}

/**
 * How many loops are around each loop. Loops of functions that `main` calls count as deeper than all of its own, as they
 * run within these.
 */
export function loopDepths(source: string): number[] {
  const code = withoutComments(source);
  const main = entryPoint(source).body;
  const mainEnd = closing(code, main - 1);
  const loops = loopBodies(source).map((start) => ({ start, end: closing(code, start - 1) }));
  const called = loops.length;
  return loops.map(({ start, end }) => {
    const around = loops.filter((loop) => loop.start < start && end < loop.end).length;
    return main <= start && end < mainEnd ? around : called + around;
  });
}

export function loopCount(source: string): number {
  return loopBodies(source).length;
}

/** The source with a statement at the start of the body of each loop. */
function withTurns(source: string, statement: (loop: number) => string): string {
  let out = "";
  let from = 0;
  loopBodies(source).forEach((at, i) => {
    out += `${source.slice(from, at)} ${statement(i)}`;
    from = at;
  });
  return out + source.slice(from);
}

/** Where the marks or counts are bound: no kernel has so many bindings. */
export const turnsBinding = 200;

/** Stores of these numbers show in machine code which loops are still loops. */
export const firstMark = 0x5ca1ab00;

/** The source with a store of `firstMark + i` in loop number i. */
export function markLoops(source: string): string {
  return `${withTurns(source, (i) => `loopMarks[${64 * i}] = ${firstMark + i}u;`)}
@group(0) @binding(${turnsBinding}) var<storage, read_write> loopMarks: array<u32>;
`;
}

/** Words before the counts: the invocations of a workgroup. */
export const countsStart = 4;

/**
 * The source with a count for each loop and invocation, in a buffer of u32: after {@link countsStart} words, of which
 * the first is the size of a workgroup, `slots` words for each loop. Only every `stride`-th workgroup does anything.
 */
export function countLoops(source: string, slots: number, stride = 1): string {
  const { attributesStart, start, parameters, body, text, workgroupSize } = entryPoint(source);
  const size = `u32((${workgroupSize.join(") * (")}))`;
  const [group, groups, local] = ["workgroup_id", "num_workgroups", "local_invocation_index"].map((name) =>
    builtin(source, text, name),
  ) as [Builtin, Builtin, Builtin];
  const own = splitParameters(text);
  const all = [...own, ...[group, groups, local].flatMap(({ declare }) => declare ?? [])];
  const plain = own.map((parameter) => parameter.replace(/@\w+(?:\([^)]*\))?\s*/g, ""));
  const names = plain.map((parameter) => parameter.split(":")[0]!.trim());
  const loops = loopCount(source);
  const each = (line: (loop: number) => string) =>
    Array.from({ length: loops }, (_, i) => line(i)).join("\n");
  // The kernel becomes a function, so that its counts can stay in registers until it has returned.
  const counted = withTurns(
    `${source.slice(0, attributesStart)}fn countedMain(${plain.join(", ")})${source.slice(parameters + 1)}`,
    (i) => `loopTurns${i} += 1u;`,
  );
  return `${counted}
${each((i) => `var<private> loopTurns${i}: u32;`)}
@group(0) @binding(${turnsBinding}) var<storage, read_write> loopCounts: array<u32>;
${source.slice(attributesStart, start)}fn main(${all.join(", ")})${source.slice(parameters + 1, body)}
  let loopGroup = (${group.use}.z * ${groups.use}.y + ${group.use}.y) * ${groups.use}.x + ${group.use}.x;
  if (loopGroup % ${stride}u != 0u) {
    return;
  }
  countedMain(${names.join(", ")});
  let loopSlot = (loopGroup / ${stride}u) * ${size} + ${local.use};
  if (loopSlot == 0u) {
    loopCounts[0] = ${size};
  }
${each((i) => `  loopCounts[${countsStart + i * slots}u + loopSlot] = loopTurns${i};`)}
}
`;
}

/** At commas outside of parentheses and angle brackets. */
function splitParameters(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, " ");
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i <= code.length; i++) {
    if ("(<".includes(code[i] ?? " ")) depth++;
    if (")>".includes(code[i] ?? " ")) depth--;
    if (i < code.length && (code[i] !== "," || depth > 0)) continue;
    if (code.slice(from, i).trim()) parts.push(code.slice(from, i).trim());
    from = i + 1;
  }
  return parts;
}

/** Invocations of a workgroup; undefined where its size is no product of numbers and constants. */
export function workgroupInvocations(source: string, constants: Record<string, number>): number | undefined {
  const value = (term: string): number => {
    if (/^\d/.test(term)) return Number.parseInt(term, 10);
    const declared = new RegExp(`\\b(?:override|const)\\s+${term}\\b[^=;]*=\\s*(\\w+)`).exec(source)?.[1];
    return constants[term] ?? (declared === undefined || declared === term ? Number.NaN : value(declared));
  };
  const terms = entryPoint(source).workgroupSize.flatMap((size) => size.replace(/[()]/g, "").split("*"));
  const product = terms.reduce((size, term) => size * value(term.trim()), 1);
  return Number.isInteger(product) ? product : undefined;
}

interface EntryPoint {
  /** Where `@compute @workgroup_size(…)` begins, in either order, and where `fn` does. */
  attributesStart: number;
  start: number;
  /** Where the closing parenthesis of its parameters is. */
  parameters: number;
  /** Behind the opening brace. */
  body: number;
  /** Its parameters. */
  text: string;
  workgroupSize: string[];
}

function entryPoint(source: string): EntryPoint {
  const found = /(?:@compute|@workgroup_size)\s*[\s\S]*?\bfn\s+main\s*\(/.exec(source);
  const fn = found && /\bfn\s+main\s*\($/.exec(found[0]);
  const size = found ? found[0].indexOf("@workgroup_size") : -1;
  if (!found || !fn || size < 0) throw new Error("The kernel has no entry point `main`.");
  const start = found.index + fn.index;
  const open = found.index + found[0].length - 1;
  const sizeOpen = source.indexOf("(", found.index + size);
  const parameters = closing(source, open);
  return {
    ...{ attributesStart: found.index, start, parameters },
    body: source.indexOf("{", parameters) + 1,
    text: source.slice(open + 1, parameters),
    workgroupSize: source
      .slice(sizeOpen + 1, closing(source, sizeOpen))
      .split(",")
      .map((part) => part.trim())
      .filter(Boolean),
  };
}

interface Builtin {
  use: string;
  declare?: string;
}

/** How `main` can read a built-in value: by a parameter it has, by a member of one, or by a new one. */
function builtin(source: string, parameters: string, name: string): Builtin {
  const declared = new RegExp(`@builtin\\(${name}\\)\\s*(\\w+)`);
  const own = declared.exec(parameters);
  if (own) return { use: own[1]! };
  for (const [, struct, members] of source.matchAll(/struct\s+(\w+)\s*\{([^}]*)\}/g)) {
    const member = declared.exec(members!);
    const parameter = member && new RegExp(`(\\w+)\\s*:\\s*${struct}\\b`).exec(parameters);
    if (parameter) return { use: `${parameter[1]}.${member[1]}` };
  }
  const type = name === "local_invocation_index" ? "u32" : "vec3<u32>";
  return { use: `loop_${name}`, declare: `@builtin(${name}) loop_${name}: ${type}` };
}
