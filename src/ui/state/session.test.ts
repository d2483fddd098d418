import { describe, expect, it, vi } from "vitest";
import { OmniError } from "../../runtime/errors.ts";
import type { OmniOptions } from "../../runtime/types.ts";
import type { SupportProblem } from "../support.ts";
import { type FakeScript, fakeCreateOmni } from "../testing/fakeOmni.ts";
import { isReady, ModelSession } from "./session.ts";

const other = { kind: "url", url: "hf:owner/repo/other.gguf" } as const;

function make(script: (options: OmniOptions) => Partial<FakeScript> = () => ({}), problem?: SupportProblem) {
  const entries = new Map<string, string>();
  const opened: OmniOptions[] = [];
  const { createOmni, created } = fakeCreateOmni((options) => {
    opened.push(options);
    return { answer: () => ["ok"], modelId: String(options.model).replace(/.*\//, ""), ...script(options) };
  });
  const session = new ModelSession({
    createOmni,
    baseUrl: "https://example.org/app/index.html",
    storage: {
      getItem: (key) => entries.get(key) ?? null,
      setItem: (key, value) => void entries.set(key, value),
      removeItem: (key) => void entries.delete(key),
    },
    findProblem: async () => problem,
  });
  return { session, opened, created, entries, state: () => session.store.state };
}

describe("ModelSession", () => {
  it("loads the embedded model beside the page", async () => {
    const { session, opened, state } = make();
    await session.start();
    expect(opened[0]!.model).toBe("https://example.org/app/models/omni-tiny.gguf");
    expect(state().current?.name).toBe("omni-tiny.gguf");
    expect(state().problem).toBeNull();
    expect(isReady(state())).toBe(true);
  });

  it("loads nothing where WebGPU is missing", async () => {
    const { session, opened, state } = make(() => ({}), "insecure");
    await session.start();
    expect(opened).toEqual([]);
    expect(state().problem).toBe("insecure");
  });

  it("takes an adapter that the runtime refuses as missing WebGPU", async () => {
    const { session, state } = make(() => {
      throw new OmniError("unsupported_adapter", "The adapter allows 128 invocations, 256 are needed.");
    });
    await session.start();
    expect(state().problem).toBe("noAdapter");
    expect(state().problemDetail).toContain("256");
  });

  it("reports progress with speed and time left", async () => {
    const { session, state } = make(() => ({ loadBytes: 1e6, loadDelayMs: 1000 }));
    const seen: NonNullable<ReturnType<typeof state>["loading"]>[] = [];
    session.store.subscribe(() => state().loading && seen.push(state().loading!));
    await session.start();
    const last = seen.at(-1)!;
    expect(last.progress).toMatchObject({ phase: "weights", loadedBytes: 1e6, totalBytes: 1e6 });
    const middle = seen.find(({ secondsLeft }) => secondsLeft !== undefined)!;
    expect(middle.bytesPerSecond).toBeGreaterThan(1e5);
    expect(middle.bytesPerSecond).toBeLessThan(2e6);
    expect(middle.secondsLeft).toBeGreaterThan(0);
  });

  it("keeps the old model until the new one is ready, then lets go of it and remembers the choice", async () => {
    const { session, created, entries, state } = make(() => ({ loadDelayMs: 50 }));
    await session.start();
    const opening = session.open(other);
    expect(isReady(state())).toBe(true);
    expect(state().loading?.name).toBe("other");
    expect(created[0]!.disposed).toBe(false);
    await opening;
    expect(state().current?.name).toBe("other.gguf");
    expect(created.map(({ disposed }) => disposed)).toEqual([true, false]);
    expect([...entries.values()]).toEqual([other.url]);
    await session.open({ kind: "builtin" });
    expect(entries.size).toBe(0);
  });

  it("does not take a model away from an answer that is being written", async () => {
    const { session, created } = make();
    await session.start();
    const lease = session.acquire()!;
    await session.open(other);
    expect(created[0]!.disposed).toBe(false);
    lease.release();
    lease.release();
    expect(created[0]!.disposed).toBe(true);
    expect(created[1]!.disposed).toBe(false);
  });

  it("shows why a model could not be opened and keeps the old one", async () => {
    const { session, created, entries, state } = make(({ model }) => {
      if (String(model).includes("other")) throw new OmniError("download_failed", "404 for other.gguf");
      return {};
    });
    await session.start();
    await session.open(other);
    expect(state().failure).toEqual({
      choice: other,
      name: "other",
      code: "download_failed",
      message: "404 for other.gguf",
    });
    expect(isReady(state())).toBe(true);
    expect(created[0]!.disposed).toBe(false);
    expect(entries.size).toBe(0);
  });

  it("cancels without a failure", async () => {
    const { session, created, state } = make(({ model }) => ({
      loadDelayMs: String(model).includes("other") ? 5000 : 0,
    }));
    await session.start();
    const opening = session.open(other);
    session.cancel();
    await opening;
    expect(state()).toMatchObject({ loading: undefined, failure: undefined });
    expect(state().current?.name).toBe("omni-tiny.gguf");
    expect(created).toHaveLength(1);
  });

  it("follows the last of two choices", async () => {
    const { session, created, state } = make(() => ({ loadDelayMs: 40 }));
    await session.start();
    const first = session.open(other);
    const second = session.open({ kind: "url", url: "hf:owner/repo/second.gguf" });
    await Promise.all([first, second]);
    expect(state().current?.name).toBe("second.gguf");
    expect(created.filter(({ disposed }) => !disposed)).toHaveLength(1);
  });

  it("starts with the remembered model, or with the embedded one if that is gone", async () => {
    const good = make();
    good.entries.set("omnitab.model", other.url);
    await good.session.start();
    expect(good.opened.map(({ model }) => model)).toEqual([other.url]);

    const bad = make(({ model }) => {
      if (String(model).includes("other")) throw new OmniError("download_failed", "gone");
      return {};
    });
    bad.entries.set("omnitab.model", other.url);
    await bad.session.start();
    expect(bad.state().current?.name).toBe("omni-tiny.gguf");
    expect(bad.state().failure?.message).toBe("gone");
    expect([...bad.entries.values()]).toEqual([other.url]);
  });

  it("makes room when two models do not fit, and goes back when that does not help", async () => {
    let attempts = 0;
    const { session, created, state } = make(({ model }) => {
      if (!String(model).includes("other")) return {};
      attempts++;
      throw new OmniError("out_of_memory", "asked 9 GB");
    });
    await session.start();
    await session.open(other);
    expect(attempts).toBe(2);
    expect(created[0]!.disposed).toBe(true);
    expect(state().failure?.code).toBe("out_of_memory");
    expect(state().current?.name).toBe("omni-tiny.gguf");
    expect(isReady(state())).toBe(true);
  });

  it("loads a lost model again once by itself, then leaves it to the user", async () => {
    const { session, created, state } = make();
    await session.start();
    created[0]!.lose("driver reset");
    await vi.waitFor(() => expect(created).toHaveLength(2));
    await vi.waitFor(() => expect(isReady(state())).toBe(true));
    expect(created[0]!.disposed).toBe(true);
    created[1]!.lose("driver reset again");
    await vi.waitFor(() => expect(state().lost).toBe("driver reset again"));
    expect(session.acquire()).toBeUndefined();
    expect(created).toHaveLength(2);
    await session.reload();
    expect(isReady(state())).toBe(true);
  });

  it("gives a file its name", async () => {
    const { session, opened } = make();
    await session.start();
    const file = new File(["GGUF"], "mine.gguf");
    await session.open({ kind: "file", file });
    expect(opened[1]).toMatchObject({ model: file, modelId: "mine" });
  });
});
