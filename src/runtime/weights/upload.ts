import { OmniError } from "../errors.ts";

/** Bytes written between two waits for the GPU: at most twice as many are on their way. */
const windowBytes = 32 * 2 ** 20;

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

/** The verdict of the device on some calls, and what they were for. */
interface Verdict {
  what: string;
  errors: Promise<(GPUError | null)[]>;
}

/** GPU buffers being filled: every failure of the device becomes an OmniError, and staging memory stays bounded. */
export class Uploader {
  readonly #device: GPUDevice;
  readonly #totalBytes: number;
  readonly #buffers: GPUBuffer[] = [];
  readonly #verdicts: Verdict[] = [];
  #lost: GPUDeviceLostInfo | undefined;
  #windowBytes = 0;
  #previousWindow: Promise<unknown> = Promise.resolve();

  /** @param totalBytes what all buffers will take, for messages */
  constructor(device: GPUDevice, totalBytes: number) {
    this.#device = device;
    this.#totalBytes = totalBytes;
    device.lost.then((info) => {
      this.#lost = info;
    });
  }

  /** Creates a storage buffer, filled with zeros; whether there was room for it shows in {@link check}. */
  createBuffer(what: string, sizeBytes: number): GPUBuffer {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
    return this.#scoped(`${what} (${megabytes(sizeBytes)})`, () => {
      const buffer = this.#device.createBuffer({ label: what, size: sizeBytes, usage });
      this.#buffers.push(buffer);
      return buffer;
    });
  }

  /** Writes the first `sizeBytes` bytes (a multiple of 4) of the data, which may be overwritten right after. */
  write(buffer: GPUBuffer, offsetBytes: number, data: Uint8Array<ArrayBuffer>, sizeBytes: number): void {
    this.#scoped(`a copy of ${megabytes(sizeBytes)} into ${buffer.label}`, () =>
      this.#device.queue.writeBuffer(buffer, offsetBytes, data, 0, sizeBytes),
    );
    this.#windowBytes += sizeBytes;
  }

  /** Waits where too many writes are on their way. */
  async throttle(): Promise<void> {
    if (this.#windowBytes < windowBytes) return;
    this.#windowBytes = 0;
    const previous = this.#previousWindow;
    this.#previousWindow = this.#submitted();
    await previous;
    await this.check();
  }

  /** Waits for all writes. */
  async finish(): Promise<void> {
    await this.#submitted();
    await this.check();
  }

  /**
   * Throws if anything has failed so far.
   * @throws OmniError `out_of_memory`, `device_lost`, `internal_error`
   */
  async check(): Promise<void> {
    for (const { what, errors } of this.#verdicts.splice(0)) {
      const error = (await errors).find((each) => each !== null);
      if (!error) continue;
      if (error instanceof GPUOutOfMemoryError)
        throw new OmniError(
          "out_of_memory",
          `The GPU has no room for ${what}, part of ${megabytes(this.#totalBytes)} of weights. ${error.message}`,
          { param: "model" },
        );
      throw new OmniError("internal_error", `The GPU refused ${what}: ${error.message}`);
    }
    if (this.#lost)
      throw new OmniError(
        "device_lost",
        `The GPU device was lost while the weights were loaded. ${this.#lost.message}`,
      );
  }

  destroy(): void {
    for (const buffer of this.#buffers.splice(0)) buffer.destroy();
  }

  #submitted(): Promise<unknown> {
    // The empty submission makes sure that the writes so far are on their way.
    this.#device.queue.submit([]);
    // A failure means that the device is lost, which is noticed elsewhere.
    return this.#device.queue.onSubmittedWorkDone().catch(() => undefined);
  }

  #scoped<T>(what: string, calls: () => T): T {
    const device = this.#device;
    device.pushErrorScope("validation");
    device.pushErrorScope("out-of-memory");
    try {
      return calls();
    } finally {
      // Likewise: a lost device has no scopes to pop.
      const pop = () => device.popErrorScope().catch(() => null);
      this.#verdicts.push({ what, errors: Promise.all([pop(), pop()]) });
    }
  }
}
