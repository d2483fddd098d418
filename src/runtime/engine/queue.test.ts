import { expect, test } from "vitest";
import { FifoLock } from "./queue.ts";

test("holders come one at a time, in order, and a waiting one can leave", async () => {
  const lock = new FifoLock();
  const order: string[] = [];
  const release = await lock.acquire();
  const abort = new AbortController();
  const named = (name: string) =>
    lock.acquire().then((giveBack) => {
      order.push(name);
      return giveBack;
    });
  const second = named("second");
  const leaving = lock.acquire(abort.signal).catch((error) => order.push(error.code));
  const third = named("third");
  expect(lock.queued).toBe(3);
  abort.abort();
  await leaving;
  expect(lock.queued).toBe(2);
  release();
  release();
  const releaseSecond = await second;
  await Promise.resolve();
  expect(order).toEqual(["aborted", "second"]);
  releaseSecond();
  (await third)();
  expect(order).toEqual(["aborted", "second", "third"]);
  expect(lock.held).toBe(false);
  await expect(lock.acquire(abort.signal)).rejects.toThrow(/cancelled/);
});
