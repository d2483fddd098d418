/** Short messages at the edge of the page. */

import { Store } from "./store.ts";

export interface Notice {
  id: number;
  kind: "info" | "error";
  text: string;
  action?: { label: string; run: () => void };
}

const infoMs = 6000;

export class Notices {
  readonly store = new Store<{ items: readonly Notice[] }>({ items: [] });
  #lastId = 0;

  /** Shows a notice: an error until it is dismissed, anything else for some seconds. */
  show(kind: Notice["kind"], text: string, action?: Notice["action"]): void {
    if (this.store.state.items.some((notice) => notice.text === text && !action)) return;
    const id = ++this.#lastId;
    const notice: Notice = { id, kind, text, ...(action ? { action } : {}) };
    this.store.update({ items: [...this.store.state.items, notice] });
    if (kind === "info") setTimeout(() => this.dismiss(id), infoMs);
  }

  dismiss(id: number): void {
    this.store.update({ items: this.store.state.items.filter((notice) => notice.id !== id) });
  }
}
