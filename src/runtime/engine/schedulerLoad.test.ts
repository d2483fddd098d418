import { expect, test } from "vitest";
import { simulateLoad } from "./testing/simulateLoad.ts";

test("100,000 requests under load: no gap longer than a step, nobody starves, no page leaks", () => {
  const total = 100_000;
  const result = simulateLoad(total);
  const { finished, refused, worstGapMs, longestStepMs, checked, wrong, preemptions } = result;
  expect(finished.length + finished.stop + finished.aborted + refused).toBe(total);
  expect(result.left).toEqual({ running: 0, queued: 0, pages: 0 });
  expect(worstGapMs).toBeLessThan(longestStepMs + 0.001);
  expect(worstGapMs).toBeGreaterThan(longestStepMs / 2);
  expect([result.outOfOrder, wrong]).toEqual([0, 0]);
  expect([checked > 1000, refused > 0, preemptions > 0]).toEqual([true, true, true]);
}, 120_000);
