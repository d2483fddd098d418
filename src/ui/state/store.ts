/** A value that components watch. */

import { useLayoutEffect, useReducer, useRef } from "preact/hooks";

export class Store<S extends object> {
  #state: S;
  #listeners = new Set<() => void>();

  constructor(initial: S) {
    this.#state = initial;
  }

  get state(): S {
    return this.#state;
  }

  /** Replaces the given fields; listeners hear of it at once. */
  update(patch: Partial<S>): void {
    this.#state = { ...this.#state, ...patch };
    for (const listener of [...this.#listeners]) listener();
  }

  /** Returns the function that ends the subscription. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** The selected part of a store's state; the component renders again only when that part changes. */
export function useStore<S extends object, T>(store: Store<S>, select: (state: S) => T): T {
  const [, rerender] = useReducer<number, void>((count) => count + 1, 0);
  const selected = select(store.state);
  const shown = useRef({ selected, select });
  shown.current = { selected, select };
  useLayoutEffect(() => {
    const check = () => {
      const { selected, select } = shown.current;
      if (!Object.is(select(store.state), selected)) rerender();
    };
    check();
    return store.subscribe(check);
  }, [store]);
  return selected;
}
