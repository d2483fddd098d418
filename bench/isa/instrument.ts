/** Makes a kernel count, or mark, the turns of its loops: where they stand in WGSL is the same for every compiler. */

/** Where a loop's body begins in the source: behind its brace. */
function loopBodies(source: string): number[] {
  const code = source.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, (comment) => comment.replace(/[^\n]/g, " "));
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

function closing(code: string, open: number): number {
  let depth = 0;
  for (let i = open; i < code.length; i++) {
    if (code[i] === "(") depth++;
    if (code[i] === ")" && --depth === 0) return i;
  }
  throw new Error("A parenthesis is not closed.");
}

export function loopCount(source: string): number {
  return loopBodies(source).length;
}

/** The source with `loopTurn(i)` at the start of the body of its loop number i. */
function withTurns(source: string, declarations: string): string {
  let out = "";
  let from = 0;
  loopBodies(source).forEach((at, i) => {
    out += `${source.slice(from, at)} loopTurn(${i}u);`;
    from = at;
  });
  return `${out}${source.slice(from)}\n${declarations}`;
}

/** Where the marks or counts are bound: no kernel has so many bindings. */
export const turnsBinding = 200;

/** Stores of these numbers show in machine code which loops are still loops. */
export const firstMark = 0x5ca1ab00;

/** The source with a store of `firstMark + i` in loop number i. */
export function markLoops(source: string): string {
  return withTurns(
    source,
    `@group(0) @binding(${turnsBinding}) var<storage, read_write> loopMarks: array<u32>;
fn loopTurn(index: u32) {
  loopMarks[index * 64u] = ${firstMark}u + index;
}
`,
  );
}

/** Words before the counts: the invocations of a workgroup. */
export const countsStart = 4;

/**
 * The source with a count for each loop and invocation, in a buffer of u32: after {@link countsStart} words, of which
 * the first is the size of a workgroup, `slots` words for each loop. Only every `stride`-th workgroup does anything.
 */
export function countLoops(source: string, slots: number, stride = 1): string {
  const entry = entryPoint(source);
  const [size, group, groups, local] = [
    `(${entry.workgroupSize.join(") * (")})`,
    ...["workgroup_id", "num_workgroups", "local_invocation_index"].map((name) =>
      builtin(source, entry, name),
    ),
  ] as [string, Builtin, Builtin, Builtin];
  const parameters = [group, groups, local].flatMap(({ declare }) => declare ?? []);
  const start = `
  let loopGroup = (${group.use}.z * ${groups.use}.y + ${group.use}.y) * ${groups.use}.x + ${group.use}.x;
  if (loopGroup % ${stride}u != 0u) {
    return;
  }
  loopSlot = (loopGroup / ${stride}u) * u32(${size}) + ${local.use};
  if (loopSlot == 0u) {
    loopCounts[0] = u32(${size});
  }
`;
  const head = source.slice(0, entry.parameters);
  const comma = parameters.length > 0 && !/\(\s*$/.test(head.trimEnd().replace(/,$/, "(")) ? ", " : "";
  const last = /,\s*$/.test(head) ? " " : comma;
  const code =
    head +
    (parameters.length > 0 ? last + parameters.join(", ") : "") +
    source.slice(entry.parameters, entry.body) +
    start +
    source.slice(entry.body);
  return withTurns(
    code,
    `@group(0) @binding(${turnsBinding}) var<storage, read_write> loopCounts: array<u32>;
var<private> loopSlot: u32;
fn loopTurn(index: u32) {
  if (loopSlot < ${slots}u) {
    loopCounts[${countsStart}u + index * ${slots}u + loopSlot] += 1u;
  }
}
`,
  );
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
  /** Where the closing parenthesis of its parameters is. */
  parameters: number;
  /** Behind the opening brace. */
  body: number;
  text: string;
  workgroupSize: string[];
}

function entryPoint(source: string): EntryPoint {
  const start = /fn\s+main\s*\(/.exec(source);
  const size = start && source.slice(0, start.index).lastIndexOf("@workgroup_size");
  if (!start || size === null || size < 0) throw new Error("The kernel has no entry point `main`.");
  const open = start.index + start[0].length - 1;
  const sizeOpen = source.indexOf("(", size);
  const parameters = closing(source, open);
  return {
    parameters,
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
function builtin(source: string, entry: EntryPoint, name: string): Builtin {
  const declared = new RegExp(`@builtin\\(${name}\\)\\s*(\\w+)`);
  const own = declared.exec(entry.text);
  if (own) return { use: own[1]! };
  for (const [, struct, members] of source.matchAll(/struct\s+(\w+)\s*\{([^}]*)\}/g)) {
    const member = declared.exec(members!);
    const parameter = member && new RegExp(`(\\w+)\\s*:\\s*${struct}\\b`).exec(entry.text);
    if (parameter) return { use: `${parameter[1]}.${member[1]}` };
  }
  const type = name === "local_invocation_index" ? "u32" : "vec3<u32>";
  return { use: `loop_${name}`, declare: `@builtin(${name}) loop_${name}: ${type}` };
}
