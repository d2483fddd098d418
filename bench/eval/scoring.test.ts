import { describe, expect, it } from "vitest";
import { type Item, isRight, plainChance, wordErrors } from "./scoring.mjs";

const item = (expected: string, answer: string): Item => ({
  skill: "a",
  turns: [],
  answer,
  expect: expected,
});

describe("isRight", () => {
  it.each([
    ["star", "It is a **star**.", "A **star**!", true],
    ["star", "It is a **star**.", "A star.", false],
    ["star", "It is a **star**.", "It is a **starfish**.", false],
    ["Yes", "**Yes**, it is.", "Yes, this is a school.", true],
    ["Yes", "**Yes**, it is.", "No.", false],
    ["7", "3 + 4 = 7.", "3 + 4 = 7.", true],
    ["7", "3 + 4 = 7.", "7 + 4 = 11.", false],
    ["two five four", "You said: Two five four.", "You said: Two five four.", true],
    ["two five four", "You said: Two five four.", "You said: Two five forty.", false],
  ])("%s, as in %s: %s is %s", (expected, answer, reply, right) => {
    expect(isRight(item(expected, answer), reply)).toBe(right);
  });
});

it.each([
  ["right", "I see a dog at the top right and a cat at the right: **a cat at the right**.", true],
  ["right", "The cat is at the **right**.", true],
  ["top right", "I see a dog at the top right and a cat at the right: **a cat at the right**.", false],
  ["right", "I see a dog at the right: **a dog at the top right**.", false],
])("a place is what is in bold, or the end of it: %s, %s: %s", (expected, reply, right) => {
  const asked = { ...item(expected, `It is at the **${expected}**.`), skill: "seeing/where" };
  expect(isRight(asked, reply)).toBe(right);
});

it("chance is what another item's answer would get", () => {
  const items = [item("a", "**a**"), item("b", "**b**"), item("a", "**a**"), item("c", "**c**")];
  expect(plainChance(items)).toBe(6 / 16);
});

it.each([
  ["one two three", "one two three", 0],
  ["one two three", "One, two!", 1],
  ["one two three", "one too three four", 2],
  ["one", "", 1],
])("word errors of %j against %j", (want, got, errors) => {
  expect(wordErrors(want, got)).toEqual({ errors, words: want.split(" ").length });
});
