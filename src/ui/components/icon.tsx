/** The page's own icons: strokes on a 24-unit grid. */

const paths = {
  sidebar: "M4 5.5h16v13H4zM9.5 5.5v13",
  plus: "M12 5v14M5 12h14",
  send: "M12 19V5.5M6 11l6-6 6 6",
  stop: "M7.5 7.5h9v9h-9z",
  copy: "M9 9h10v10H9zM15 9V5H5v10h4",
  check: "M5 12.5l4.5 4.5L19 7.5",
  retry: "M19 12a7 7 0 1 1-2.2-5.1M17.5 3.5V7H14",
  compose: "M12.5 5H5.5v13.5H19v-7M18 4l2 2-7.5 7.5-2.7.7.7-2.7z",
  edit: "M5 19l1-4L16.5 4.5l3 3L9 18zM14 7l3 3",
  trash: "M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.4L17 7M10.3 10.5v5.5M13.7 10.5v5.5",
  sliders: "M4 8h9M17 8h3M4 16h3M11 16h9M15 5.8v4.4M9 13.8v4.4",
  chart: "M4 5v14h16M7.5 14.5l3.5-4 3 2.5 5-6.5",
  close: "M6.5 6.5l11 11M17.5 6.5l-11 11",
  chevron: "M7 10l5 5 5-5",
  down: "M12 5v13.5M6 13l6 6 6-6",
  alert: "M12 4l9 16H3zM12 10v4.5M12 17.2v.3",
  file: "M7 3.5h7l4 4V20.5H7zM14 3.5v4h4M12.5 17v-5.5M10 13.7l2.5-2.5 2.5 2.5",
  sun: "M12 8.2a3.8 3.8 0 1 0 0 7.6 3.8 3.8 0 0 0 0-7.6M12 3v1.8M12 19.2V21M3 12h1.8M19.2 12H21M5.6 5.6l1.3 1.3M17.1 17.1l1.3 1.3M5.6 18.4l1.3-1.3M17.1 6.9l1.3-1.3",
  moon: "M19.5 14.3A8 8 0 0 1 9.7 4.5a8 8 0 1 0 9.8 9.8",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return <Strokes path={paths[name]} />;
}

/** An icon that is not needed everywhere. */
export function Strokes({ path }: { path: string }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={path} />
    </svg>
  );
}

/** The mark: a browser tab with a ring living in it. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path
        class="mark-tab"
        d="M2 26.5c3 0 4-1.6 4-4.3V11a6 6 0 0 1 6-6h8a6 6 0 0 1 6 6v11.2c0 2.7 1 4.3 4 4.3z"
      />
      <circle class="mark-ring" cx="16" cy="15.5" r="4.6" />
    </svg>
  );
}
