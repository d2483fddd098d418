/** Icons for media, in the strokes of the page's own. */

import { Strokes } from "../icon.tsx";

const paths = {
  play: "M8.5 6l9.5 6-9.5 6z",
  pause: "M9 6.5v11M15 6.5v11",
  film: "M4 5.5h16v13H4zM8 5.5v13M16 5.5v13M4 12h4M16 12h4",
  turn: "M5 9.5a7.5 7.5 0 0 1 13.4-1.8M19 4v4h-4M19 14.5a7.5 7.5 0 0 1-13.4 1.8M5 20v-4h4",
} as const;

export type MediaIconName = keyof typeof paths;

export function MediaIcon({ name }: { name: MediaIconName }) {
  return <Strokes path={paths[name]} />;
}
