import { describe, expect, it } from "vitest";
import type { ChatTurn } from "./completion.ts";
import { estimateTokens, fitContext, withoutOldestTurn } from "./context.ts";

const system: ChatTurn = { role: "system", content: "Be kind." };
const turn = (index: number, chars: number): ChatTurn[] => [
  { role: "user", content: `q${index}`.padEnd(chars, "x") },
  { role: "assistant", content: `a${index}`.padEnd(chars, "y") },
];

describe("estimateTokens", () => {
  it("counts characters outside of ASCII as whole tokens", () => {
    expect(estimateTokens([{ role: "user", content: "abcdef" }])).toBe(10);
    expect(estimateTokens([{ role: "user", content: "狐狸爱葡萄呀" }])).toBe(14);
  });
});

describe("withoutOldestTurn", () => {
  it("drops a question with its answer and keeps the system prompt", () => {
    const turns = [system, ...turn(1, 4), ...turn(2, 4)];
    expect(withoutOldestTurn(turns)).toEqual([system, ...turn(2, 4)]);
  });

  it("never drops the last question", () => {
    expect(withoutOldestTurn([system, { role: "user", content: "last" }])).toBeUndefined();
    expect(withoutOldestTurn([{ role: "user", content: "last" }])).toBeUndefined();
  });
});

describe("fitContext", () => {
  it("keeps everything that fits", () => {
    const turns = [system, ...turn(1, 30), { role: "user", content: "now" } as const];
    expect(fitContext(turns, 2048)).toEqual(turns);
  });

  it("drops the oldest turns until three quarters of the context hold the rest", () => {
    const turns = [system, ...turn(1, 900), ...turn(2, 300), { role: "user", content: "now" } as const];
    const fitting = fitContext(turns, 400);
    expect(fitting).toEqual([system, ...turn(2, 300), { role: "user", content: "now" }]);
    expect(estimateTokens(fitting)).toBeLessThanOrEqual(300);
  });

  it("gives a question that is too long on its own to the model, which says so", () => {
    const turns = [...turn(1, 10), { role: "user", content: "z".repeat(9000) } as const];
    expect(fitContext(turns, 512)).toEqual([turns[2]]);
  });
});
