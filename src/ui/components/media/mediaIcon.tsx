/** Icons for media, in the strokes of the page's own. */

import { Strokes } from "../icon.tsx";

const paths = {
  attach:
    "M18.5 11.5l-6.6 6.6a4.2 4.2 0 0 1-6-6l7.2-7.2a2.8 2.8 0 0 1 4 4l-7.2 7.2a1.4 1.4 0 0 1-2-2l6.6-6.6",
  camera: "M4 7.5h3.5L9 5.5h6l1.5 2H20v11H4zM12 9.3a3.6 3.6 0 1 0 0 7.2 3.6 3.6 0 0 0 0-7.2",
  microphone:
    "M12 4a2.8 2.8 0 0 0-2.8 2.8v4.4a2.8 2.8 0 0 0 5.6 0V6.8A2.8 2.8 0 0 0 12 4M6.2 11a5.8 5.8 0 0 0 11.6 0M12 16.8V20",
  play: "M8.5 6l9.5 6-9.5 6z",
  pause: "M9 6.5v11M15 6.5v11",
  film: "M4 5.5h16v13H4zM8 5.5v13M16 5.5v13M4 12h4M16 12h4",
  turn: "M5 9.5a7.5 7.5 0 0 1 13.4-1.8M19 4v4h-4M19 14.5a7.5 7.5 0 0 1-13.4 1.8M5 20v-4h4",
} as const;

export type MediaIconName = keyof typeof paths;

export function MediaIcon({ name }: { name: MediaIconName }) {
  return <Strokes path={paths[name]} />;
}
