/** Where pages outlive the tab: files in the origin private file system, limited in size. */

/** What keeps files. Everything may fail at any time: the user clears it, the quota ends, another tab writes. */
export interface FileStore {
  list(): Promise<{ name: string; sizeBytes: number; usedAt: number }[]>;
  read(name: string): Promise<Uint8Array<ArrayBuffer>>;
  write(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  remove(name: string): Promise<void>;
}

/** Files in a folder of OPFS, which is made when it is needed. */
export class OpfsStore implements FileStore {
  constructor(private readonly folder: string) {}

  async list(): ReturnType<FileStore["list"]> {
    const files: Awaited<ReturnType<FileStore["list"]>> = [];
    const directory = (await this.directory()) as FileSystemDirectoryHandle & {
      values(): AsyncIterable<FileSystemHandle>;
    };
    for await (const handle of directory.values()) {
      if (handle.kind !== "file") continue;
      const file = await (handle as FileSystemFileHandle).getFile();
      files.push({ name: handle.name, sizeBytes: file.size, usedAt: file.lastModified });
    }
    return files;
  }

  async read(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const handle = await (await this.directory()).getFileHandle(name);
    return new Uint8Array(await (await handle.getFile()).arrayBuffer());
  }

  async write(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const handle = await (await this.directory()).getFileHandle(name, { create: true });
    // Appears under its name only when it is whole.
    const stream = await handle.createWritable();
    try {
      await stream.write(bytes);
    } catch (error) {
      await stream.abort();
      throw error;
    }
    await stream.close();
  }

  async remove(name: string): Promise<void> {
    await (await this.directory()).removeEntry(name);
  }

  private async directory(): Promise<FileSystemDirectoryHandle> {
    const root = await navigator.storage.getDirectory();
    return root.getDirectoryHandle(this.folder, { create: true });
  }
}

/**
 * Files under a limit of bytes in all: what was used longest ago goes first, of equally old ones the latest pages of a
 * conversation, because they are of no use without the earlier ones. No method fails.
 */
export class PageStore {
  private files: Map<string, { sizeBytes: number; usedAt: number }> | undefined;

  constructor(
    private readonly store: FileStore,
    private readonly maxBytes: number,
  ) {}

  async has(name: string): Promise<boolean> {
    return (await this.index()).has(name);
  }

  async read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const file = (await this.index()).get(name);
    if (!file) return undefined;
    file.usedAt = Date.now();
    return this.store.read(name).catch(() => undefined);
  }

  /** @returns whether it is stored */
  async write(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    const files = await this.index();
    if (bytes.byteLength > this.maxBytes) return false;
    await this.shrink(this.maxBytes - bytes.byteLength);
    try {
      await this.store.write(name, bytes);
    } catch {
      // The quota may be smaller than our limit: leave room next time.
      await this.remove(name);
      await this.shrink(this.sizeBytes * 0.75);
      return false;
    }
    files.set(name, { sizeBytes: bytes.byteLength, usedAt: Date.now() });
    return true;
  }

  async remove(name: string): Promise<void> {
    (await this.index()).delete(name);
    await this.store.remove(name).catch(() => undefined);
  }

  get sizeBytes(): number {
    let sum = 0;
    for (const { sizeBytes } of this.files?.values() ?? []) sum += sizeBytes;
    return sum;
  }

  private async index() {
    if (!this.files) {
      const listed = await this.store.list().catch(() => []);
      this.files ??= new Map(listed.map(({ name, ...file }) => [name, file]));
    }
    return this.files;
  }

  private async shrink(bytes: number): Promise<void> {
    let size = this.sizeBytes;
    if (size <= bytes) return;
    const minute = (time: number) => Math.floor(time / 60_000);
    const depth = (name: string) => Number.parseInt(name, 10) || 0;
    const byAge = [...this.files!].sort(
      ([a, x], [b, y]) => minute(x.usedAt) - minute(y.usedAt) || depth(b) - depth(a),
    );
    for (const [name, { sizeBytes }] of byAge) {
      if (size <= bytes) return;
      size -= sizeBytes;
      await this.remove(name);
    }
  }
}
