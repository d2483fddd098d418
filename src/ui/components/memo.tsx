/** Keeps a component from rendering again while its properties are the same. */

import { Component, type FunctionComponent } from "preact";

export function memo<P extends object>(Inner: FunctionComponent<P>): new (props: P) => Component<P> {
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const now = this.props as P;
      const keys = new Set([...Object.keys(now), ...Object.keys(next)]) as Set<keyof P>;
      for (const key of keys) if (!Object.is(now[key], next[key])) return true;
      return false;
    }
    override render() {
      return <Inner {...(this.props as P)} />;
    }
  };
}
