/** First come, first served: one holder at a time. */

import { OmniError } from "../errors.ts";

export class FifoLock {
  private holder = false;
  private readonly waiting: (() => void)[] = [];

  get queued(): number {
    return this.waiting.length;
  }

  get held(): boolean {
    return this.holder;
  }

  /**
   * Resolves with what gives the lock back.
   * @throws OmniError `aborted` where the signal fires while waiting
   */
  async acquire(signal?: AbortSignal): Promise<() => void> {
    const aborted = () => new OmniError("aborted", "The request was cancelled.");
    if (signal?.aborted) throw aborted();
    if (this.holder) {
      await new Promise<void>((resolve, reject) => {
        const turn = () => {
          signal?.removeEventListener("abort", leave);
          resolve();
        };
        const leave = () => {
          this.waiting.splice(this.waiting.indexOf(turn), 1);
          reject(aborted());
        };
        this.waiting.push(turn);
        signal?.addEventListener("abort", leave, { once: true });
      });
    }
    this.holder = true;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const next = this.waiting.shift();
      // The lock passes on without becoming free in between.
      if (next) next();
      else this.holder = false;
    };
  }
}
