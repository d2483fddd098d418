// @ts-check
/** When a reply to a held-out item is right: the rules of `training/evaluate.py` and `training/evaluate_media.py`. */

/**
 * @typedef {{ type: "text", text: string } | { type: "image" | "video", tiles: number[] } | { type: "audio", span: [number, number] }} Part
 * @typedef {{ skill: string, turns: [role: string, parts: Part[]][], answer: string, expect: string }} Item
 */

/** As `evaluate.plain`: lower case, without marks of bold. @param {string} text */
const plain = (text) =>
  text.toLowerCase().replaceAll("*", "").replaceAll("\ufe0f", "").replace(/\s+/g, " ").trim();

/** @param {Item} item @param {string} reply */
export function isRight({ skill, expect, answer }, reply) {
  // A place is in bold together with what is there.
  if (skill === "seeing/where")
    return new RegExp(`\\*\\*([^*]*(at|in) the )?${expect}\\*\\*`, "i").test(reply);
  const bold = `**${expect.toLowerCase()}**`;
  if (answer.toLowerCase().includes(bold) && expect !== "Yes" && expect !== "No")
    return reply.toLowerCase().includes(bold);
  const want = plain(expect);
  const got = plain(reply);
  if (/^-?\d+$/.test(want)) {
    const numbers = got.replaceAll("minus ", "-").match(/-?\d+/g) ?? [];
    return numbers.length > 0 && (numbers.at(-1) === want || reply.includes(`**${want}`));
  }
  if (want === "yes" || want === "no")
    return got.replaceAll("omni", "").startsWith(want) || got.endsWith(`: ${want}.`);
  const escaped = want.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
  return new RegExp(`(?<![\\p{L}\\p{N}_])${escaped}(?![\\p{L}\\p{N}_])`, "u").test(got);
}

/** What somebody would get right who gives the answer of another item of the same skill. @param {Item[]} items */
export function plainChance(items) {
  let right = 0;
  for (const item of items) for (const other of items) if (isRight(item, other.answer)) right++;
  return right / items.length ** 2;
}

/** Edits between the words of two texts. @param {string} want @param {string} got */
export function wordErrors(want, got) {
  const words = (/** @type {string} */ text) =>
    text
      .toLowerCase()
      .replace(/[^a-z' ]/g, " ")
      .split(" ")
      .filter((word) => word !== "");
  const [a, b] = [words(want), words(got)];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, word] of a.entries()) {
    const next = [i + 1];
    for (const [j, other] of b.entries())
      next.push(
        Math.min((row[j] ?? 0) + (word === other ? 0 : 1), (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1),
      );
    row = next;
  }
  return { errors: row.at(-1) ?? 0, words: a.length };
}
