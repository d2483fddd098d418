import { expect, it } from "vitest";
import { splitThinking } from "./thinking.ts";

it("separates thoughts from the answer", () => {
  expect(splitThinking("<think>\nhm\n</think>\n\nYes.")).toEqual({
    thinking: "hm",
    thought: true,
    answer: "Yes.",
  });
});

it("knows thoughts that have not ended", () => {
  expect(splitThinking("<think>still")).toEqual({ thinking: "still", thought: false, answer: "" });
});

it("drops empty thoughts", () => {
  expect(splitThinking("<think>\n\n</think>\n\nHi")).toEqual({
    thinking: undefined,
    thought: true,
    answer: "Hi",
  });
});

it("leaves tags inside of an answer alone", () => {
  const content = "The tag <think> opens thoughts.";
  expect(splitThinking(content)).toEqual({ thinking: undefined, thought: false, answer: content });
});
