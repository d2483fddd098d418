import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { pollWhileVisible, type Visibility } from "./polling.ts";

class FakePage extends EventTarget {
  hidden = false;
  show(visible: boolean): void {
    this.hidden = !visible;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function poll(task: () => Promise<void>) {
  const page = new FakePage();
  return { page, stop: pollWhileVisible(task, 1000, page as unknown as Visibility) };
}

it("asks at once, then at intervals, until it is stopped", async () => {
  const task = vi.fn(async () => undefined);
  const { page, stop } = poll(task);
  expect(task).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(3500);
  expect(task).toHaveBeenCalledTimes(4);
  stop();
  page.show(true);
  await vi.advanceTimersByTimeAsync(5000);
  expect(task).toHaveBeenCalledTimes(4);
});

it("pauses while the page is hidden, and asks at once when it is shown again", async () => {
  const task = vi.fn(async () => undefined);
  const { page, stop } = poll(task);
  await vi.advanceTimersByTimeAsync(100);
  page.show(false);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(task).toHaveBeenCalledTimes(1);
  page.show(true);
  expect(task).toHaveBeenCalledTimes(2);
  await vi.advanceTimersByTimeAsync(1100);
  expect(task).toHaveBeenCalledTimes(3);
  stop();
});

it("waits for a slow answer, and goes on after a failed one", async () => {
  let fail: (error: Error) => void = () => undefined;
  const task = vi.fn(
    () =>
      new Promise<void>((_, reject) => {
        fail = reject;
      }),
  );
  const { page, stop } = poll(task);
  await vi.advanceTimersByTimeAsync(5000);
  page.show(true);
  expect(task).toHaveBeenCalledTimes(1);
  fail(new Error("no"));
  await vi.advanceTimersByTimeAsync(1100);
  expect(task).toHaveBeenCalledTimes(2);
  stop();
});
