/** Components whose code is loaded when they are first shown: the page starts without them. */

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

/** Shows nothing until the code is there; tries again when shown anew, should it not come. */
export function lazily<P extends object = object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let loaded: ComponentType<P> | undefined;
  return function Lazy(props: P) {
    const [, setReady] = useState(loaded !== undefined);
    useEffect(() => {
      if (loaded) return;
      void load().then(
        (component) => {
          loaded = component;
          setReady(true);
        },
        () => undefined,
      );
    }, []);
    const Component = loaded;
    return Component ? <Component {...props} /> : null;
  };
}
