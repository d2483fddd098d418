/** The model of this page: loading it, replacing it, losing it. At most one is in use and one on its way. */

import { OmniError, type OmniErrorCode } from "../../runtime/errors.ts";
import type { LoadProgress, Omni, OmniOptions, OmniStats } from "../../runtime/types.ts";
import type { SupportProblem } from "../support.ts";
import { type InputKind, inputsOf } from "./inputs.ts";
import { builtinProjectorUrl, builtinUrl, choiceName, type ModelChoice } from "./models.ts";
import { RateMeter } from "./rate.ts";
import type { KeyValue } from "./settings.ts";
import { Store } from "./store.ts";

export interface LoadingModel {
  choice: ModelChoice;
  name: string;
  progress: LoadProgress | undefined;
  /** 0 while unknown. */
  bytesPerSecond: number;
  secondsLeft: number | undefined;
}

export interface SessionState {
  /** Before the first check: undefined; then what is in the way, or null. */
  problem: SupportProblem | null | undefined;
  /** What the adapter lacks, in the runtime's words. */
  problemDetail: string | undefined;
  current: { choice: ModelChoice; name: string; stats: OmniStats; inputs: readonly InputKind[] } | undefined;
  loading: LoadingModel | undefined;
  failure: { choice: ModelChoice; name: string; code: OmniErrorCode; message: string } | undefined;
  /** Why the GPU is gone; the model of `current` must be loaded again. */
  lost: string | undefined;
}

/** Whether a question can be asked. */
export function isReady(state: SessionState): boolean {
  return state.current !== undefined && state.lost === undefined;
}

export interface SessionOptions {
  createOmni: (options: OmniOptions) => Promise<Omni>;
  /** Address that relative model paths start from. */
  baseUrl: string;
  /** Remembers the choice. */
  storage: KeyValue;
  findProblem: () => Promise<SupportProblem | undefined>;
}

/** A model in use: it is not disposed of before `release`. */
export interface Lease {
  omni: Omni;
  /** What `/v1/models` calls it. */
  name: string;
  contextLength: number;
  inputs: readonly InputKind[];
  release(): void;
}

const choiceKey = "omnitab.model";
/** After a second loss within this time the user decides. */
const lossPatienceMs = 60_000;

interface Loaded {
  omni: Omni;
  users: number;
  retired: boolean;
}

export class ModelSession {
  readonly store = new Store<SessionState>({
    problem: undefined,
    problemDetail: undefined,
    current: undefined,
    loading: undefined,
    failure: undefined,
    lost: undefined,
  });
  readonly #options: SessionOptions;
  #loaded: Loaded | undefined;
  #opening: AbortController | undefined;
  #lastLossAt = Number.NEGATIVE_INFINITY;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Checks the browser and loads the remembered model, or else the embedded one. */
  async start(): Promise<void> {
    const problem = (await this.#options.findProblem()) ?? null;
    this.store.update({ problem });
    if (problem) return;
    const remembered = this.#remembered();
    await this.open(remembered ?? { kind: "builtin" });
    // A remembered model that cannot be had must not leave the page empty; its failure stays on show.
    const { current, failure, loading } = this.store.state;
    if (remembered && failure && !current && !loading) await this.#load({ kind: "builtin" });
  }

  /** Opens a model; the one in use stays until the new one is ready, and after a failure. */
  async open(choice: ModelChoice): Promise<void> {
    this.store.update({ failure: undefined });
    await this.#load(choice);
  }

  /** Ends the loading that is under way. */
  cancel(): void {
    this.#opening?.abort();
  }

  /** Loads the lost model again. */
  async reload(): Promise<void> {
    const { current } = this.store.state;
    await this.open(current?.choice ?? { kind: "builtin" });
  }

  dismissFailure(): void {
    this.store.update({ failure: undefined });
  }

  /** The model in use, or undefined if there is none. */
  acquire(): Lease | undefined {
    const loaded = this.#loaded;
    const { current, lost } = this.store.state;
    if (!loaded || !current || lost !== undefined) return undefined;
    loaded.users++;
    let released = false;
    return {
      omni: loaded.omni,
      name: current.name,
      contextLength: current.stats.model.contextLength,
      inputs: current.inputs,
      release: () => {
        if (released) return;
        released = true;
        loaded.users--;
        void this.#disposeIfIdle(loaded);
      },
    };
  }

  /** Asks the engine again for its figures. @returns them, or undefined where there is no model or it cannot say */
  async refreshStats(): Promise<OmniStats | undefined> {
    const loaded = this.#loaded;
    const stats = await loaded?.omni.stats().catch(() => undefined);
    const { current } = this.store.state;
    if (!stats || !current || loaded !== this.#loaded) return undefined;
    this.store.update({ current: { ...current, stats } });
    return stats;
  }

  async #load(choice: ModelChoice): Promise<void> {
    this.#opening?.abort();
    const opening = new AbortController();
    this.#opening = opening;
    const name = choiceName(choice);
    this.store.update({
      loading: { choice, name, progress: undefined, bytesPerSecond: 0, secondsLeft: undefined },
    });
    let omni: Omni | undefined;
    let before: ModelChoice | undefined;
    try {
      try {
        omni = await this.#create(choice, opening.signal);
      } catch (thrown) {
        // No room for two models at once: give the old one's memory back and try again.
        if (OmniError.from(thrown).code !== "out_of_memory" || !this.#loaded) throw thrown;
        before = this.store.state.current?.choice;
        await this.#retire();
        omni = await this.#create(choice, opening.signal);
      }
      const stats = await omni.stats();
      if (opening.signal.aborted) throw new OmniError("aborted", "Loading was cancelled.");
      await this.#retire();
      this.#use(omni, choice, stats);
    } catch (thrown) {
      await omni?.dispose().catch(() => undefined);
      if (this.#opening !== opening) return; // another choice has taken over
      this.#opening = undefined;
      this.store.update({ loading: undefined });
      const error = OmniError.from(thrown);
      const cancelled = opening.signal.aborted;
      if (
        !cancelled &&
        error.code === "unsupported_adapter" &&
        !this.store.state.current &&
        choice.kind === "builtin"
      )
        this.store.update({ problem: "noAdapter", problemDetail: error.message });
      else if (!cancelled)
        this.store.update({ failure: { choice, name, code: error.code, message: error.message } });
      if (before) await this.#load(before);
    }
  }

  #use(omni: Omni, choice: ModelChoice, stats: OmniStats): void {
    this.#opening = undefined;
    const loaded: Loaded = { omni, users: 0, retired: false };
    this.#loaded = loaded;
    this.store.update({
      current: { choice, name: stats.model.id, stats, inputs: inputsOf(omni) },
      loading: undefined,
      lost: undefined,
    });
    this.#remember(choice);
    void omni.lost.then((reason) => {
      if (this.#loaded === loaded && !loaded.retired) this.#onLost(reason);
    });
  }

  #onLost(reason: string): void {
    this.store.update({ lost: reason });
    const now = performance.now();
    const again = now - this.#lastLossAt < lossPatienceMs;
    this.#lastLossAt = now;
    if (!again && !this.store.state.loading) void this.reload();
  }

  /** Takes the model in use out of use; it goes when its last answer has ended. */
  async #retire(): Promise<void> {
    const loaded = this.#loaded;
    if (!loaded) return;
    this.#loaded = undefined;
    this.store.update({ current: undefined });
    loaded.retired = true;
    await this.#disposeIfIdle(loaded);
  }

  async #disposeIfIdle(loaded: Loaded): Promise<void> {
    if (loaded.retired && loaded.users === 0) await loaded.omni.dispose().catch(() => undefined);
  }

  #create(choice: ModelChoice, signal: AbortSignal): Promise<Omni> {
    const rate = new RateMeter();
    return this.#options.createOmni({
      model:
        choice.kind === "file"
          ? choice.file
          : choice.kind === "url" && choice.url.startsWith("hf:")
            ? choice.url
            : new URL(choice.kind === "url" ? choice.url : builtinUrl, this.#options.baseUrl).href,
      ...(choice.kind === "builtin"
        ? { projector: new URL(builtinProjectorUrl, this.#options.baseUrl).href }
        : {}),
      ...(choice.kind === "file" ? { modelId: choiceName(choice) } : {}),
      signal,
      onProgress: (progress) => {
        const { loading } = this.store.state;
        if (signal.aborted || loading?.choice !== choice) return;
        if (progress.phase === "weights") rate.add(progress.elapsedMs, progress.loadedBytes);
        this.store.update({
          loading: {
            ...loading,
            progress,
            bytesPerSecond: rate.bytesPerSecond,
            secondsLeft: rate.secondsLeft(progress.totalBytes),
          },
        });
      },
    });
  }

  #remembered(): ModelChoice | undefined {
    try {
      const url = this.#options.storage.getItem(choiceKey);
      return url ? { kind: "url", url } : undefined;
    } catch {
      return undefined;
    }
  }

  /** Only addresses: the browser gives a page no lasting access to a picked file. */
  #remember(choice: ModelChoice): void {
    try {
      if (choice.kind === "url") this.#options.storage.setItem(choiceKey, choice.url);
      else if (choice.kind === "builtin" && !this.store.state.failure)
        this.#options.storage.removeItem(choiceKey);
    } catch {
      // Then it will be the embedded model next time.
    }
  }
}
