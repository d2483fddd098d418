import { expect, test } from "vitest";
import { StopText } from "./stopText.ts";

/** Feeds pieces; what came out, and the stop string that ended it. */
function run(stops: string[], pieces: string[]) {
  const stopText = new StopText(stops);
  let out = "";
  for (const piece of pieces) {
    const { text, stop } = stopText.push(piece);
    out += text;
    if (stop !== undefined) return { out, stop };
  }
  return { out: out + stopText.flush(), stop: undefined };
}

test("the text ends before a stop string, however it is cut into pieces", () => {
  const text = "one two STOP three";
  for (let size = 1; size <= text.length; size++) {
    const pieces = text.match(new RegExp(`.{1,${size}}`, "gs"))!;
    expect(run(["STOP"], pieces)).toEqual({ out: "one two ", stop: "STOP" });
  }
});
test("what only looked like a stop string is given out in the end", () => {
  expect(run(["\n\n", "abcd"], ["x\n", "y abc", "e ab"])).toEqual({ out: "x\ny abce ab", stop: undefined });
});
test("nothing of a possible stop string leaves early", () => {
  const stopText = new StopText(["abcabd"]);
  expect(stopText.push("xabcab").text).toBe("x");
  expect(stopText.push("cab").text).toBe("abc");
  expect(stopText.push("d")).toEqual({ text: "", stop: "abcabd" });
});
test("the earliest of several wins", () => {
  expect(run(["late", "ear"], ["an early late one"])).toEqual({ out: "an ", stop: "ear" });
});
test("without stop strings everything passes at once", () => {
  expect(new StopText([]).push("abc")).toEqual({ text: "abc", stop: undefined });
});
