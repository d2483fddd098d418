/** Speaking: a click starts and a click sends, or held down while speaking; so does the key. */

import { useEffect, useRef } from "preact/hooks";
import { useApp } from "../../appContext.ts";
import { useControls } from "../../media/controls.ts";
import { useStore } from "../../state/store.ts";
import { MediaIcon } from "./mediaIcon.tsx";
import { useMediaMessages } from "./useMedia.ts";

/** Held for longer than this, letting go sends. */
const holdMs = 400;

const isTalkKey = (event: KeyboardEvent) => event.altKey && !event.ctrlKey && event.code === "KeyM";

export function TalkButton() {
  const { session } = useApp();
  const hears = useStore(session.store, (state) => state.current?.inputs.includes("audio"));
  return hears ? <Button /> : null;
}

function Button() {
  const text = useMediaMessages();
  const { microphone } = useControls();
  const phase = useStore(microphone.store, (state) => state.phase);
  /** When the press that started it began; undefined: it ran before, or nothing is pressed. */
  const startedMs = useRef<number | undefined>(undefined);
  const press = () => {
    const isOff = microphone.store.state.phase === "off";
    startedMs.current = isOff ? performance.now() : undefined;
    if (isOff) void microphone.start();
    else end();
  };
  const end = () => {
    if (microphone.store.state.mode === "handsFree") microphone.stop();
    else if (microphone.store.state.phase === "on") microphone.finish("send");
    else microphone.stop();
  };
  const letGo = () => {
    const heldMs = performance.now() - (startedMs.current ?? Number.POSITIVE_INFINITY);
    startedMs.current = undefined;
    // The browser's question takes the pointer away: that is no letting go.
    if (heldMs >= holdMs && microphone.store.state.phase === "on") end();
  };

  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (!isTalkKey(event)) return;
      event.preventDefault();
      if (!event.repeat) press();
    };
    const onKeyUp = (event: KeyboardEvent) => {
      if (event.code === "KeyM") letGo();
    };
    addEventListener("keydown", onKeyDown);
    addEventListener("keyup", onKeyUp);
    return () => {
      removeEventListener("keydown", onKeyDown);
      removeEventListener("keyup", onKeyUp);
    };
  }, []);

  const isOn = phase !== "off";
  const label = isOn ? text.talkEnd : text.talk;
  return (
    <button
      type="button"
      class={`icon-button talk ${isOn ? "on" : ""}`}
      aria-label={label}
      title={label}
      aria-pressed={isOn}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        press();
      }}
      onPointerUp={letGo}
      onPointerCancel={letGo}
      onContextMenu={(event) => event.preventDefault()} // a long touch
      onKeyDown={(event) => {
        if (event.key !== " " && event.key !== "Enter") return;
        event.preventDefault();
        if (!event.repeat) press();
      }}
      onKeyUp={(event) => {
        if (event.key !== " " && event.key !== "Enter") return;
        event.preventDefault();
        letGo();
      }}
      onClick={(event) => {
        // Screen readers click without pointer or key.
        if (event.detail === 0) press();
      }}
    >
      <MediaIcon name="microphone" />
    </button>
  );
}
