/** Speed of a download, smoothed over the last seconds. */

const windowMs = 4000;

export class RateMeter {
  #samples: { atMs: number; bytes: number }[] = [];

  /** Notes that `bytes` in all had arrived at `atMs`; both never fall. */
  add(atMs: number, bytes: number): void {
    this.#samples.push({ atMs, bytes });
    while (this.#samples.length > 2 && this.#samples[1]!.atMs <= atMs - windowMs) this.#samples.shift();
  }

  /** 0 until it is known. */
  get bytesPerSecond(): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last.atMs - first.atMs < 200) return 0;
    return ((last.bytes - first.bytes) / (last.atMs - first.atMs)) * 1000;
  }

  /** Undefined until it is known. */
  secondsLeft(totalBytes: number): number | undefined {
    const rate = this.bytesPerSecond;
    const loaded = this.#samples.at(-1)?.bytes ?? 0;
    if (rate <= 0 || totalBytes < loaded || totalBytes <= 0) return undefined;
    return (totalBytes - loaded) / rate;
  }
}
