/**
 * The composer's buttons for models that take more than text: picking files, the camera, speaking. What they do is
 * loaded with their first use.
 */

import { useEffect, useRef } from "preact/hooks";
import { useApp, useMessages } from "../appContext.ts";
import { type InputKind, seesCamera } from "../state/inputs.ts";
import { useStore } from "../state/store.ts";
import { Icon } from "./icon.tsx";
import { IconButton } from "./iconButton.tsx";
import { attachFiles, mediaControls } from "./lazyMedia.ts";

/** Before the text. */
export function AttachButtons({ inputs }: { inputs: readonly InputKind[] }) {
  const messages = useMessages();
  const app = useApp();
  const picker = useRef<HTMLInputElement>(null);
  const isOn = useStore(app.devices, (state) => state.camera);
  const toggleCamera = async () => {
    const { camera } = await mediaControls(app);
    if (isOn) camera.stop();
    else await camera.start();
  };
  return (
    <span class="composer-tools">
      <input
        ref={picker}
        type="file"
        multiple
        hidden
        accept={acceptOf(inputs)}
        aria-label={messages.attach}
        data-testid="pick"
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          event.currentTarget.value = ""; // the same file may be picked again
          void attachFiles(app, files);
        }}
      />
      <IconButton icon="attach" label={messages.attach} onClick={() => picker.current?.click()} />
      {seesCamera(inputs) && (
        <IconButton
          icon="camera"
          label={isOn ? messages.closeCamera : messages.useCamera}
          pressed={isOn}
          onClick={() => void toggleCamera()}
        />
      )}
    </span>
  );
}

/** What a picker offers first; SVG and other kinds that are refused by name are left out. */
function acceptOf(inputs: readonly InputKind[]): string {
  const types = {
    text: [],
    image: ["image/png", "image/jpeg", "image/webp", "image/gif"],
    audio: ["audio/*"],
    video: ["video/*"],
  };
  return inputs.flatMap((input) => types[input] ?? []).join(",");
}

/** Held for longer than this, letting go sends. */
const holdMs = 400;

const isPressKey = ({ key }: KeyboardEvent) => key === " " || key === "Enter";

/** Speaking: a click starts and a click sends, or it is held while speaking; so with the key. */
export function TalkButton() {
  const messages = useMessages();
  const app = useApp();
  const state = useStore(app.devices, ({ microphone }) => microphone);
  /** When the press that started it began; undefined: it ran before, or nothing is pressed. */
  const startedMs = useRef<number | undefined>(undefined);
  const press = async () => {
    const isOff = app.devices.state.microphone === "off";
    startedMs.current = isOff ? performance.now() : undefined;
    const { microphone } = await mediaControls(app);
    if (isOff) await microphone.start();
    else microphone.end();
  };
  const letGo = async () => {
    const heldMs = performance.now() - (startedMs.current ?? Number.POSITIVE_INFINITY);
    startedMs.current = undefined;
    if (heldMs >= holdMs) (await mediaControls(app)).microphone.letGo();
  };

  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (!event.altKey || event.ctrlKey || event.code !== "KeyM") return;
      event.preventDefault();
      if (!event.repeat) void press();
    };
    const onKeyUp = ({ code }: KeyboardEvent) => {
      if (code === "KeyM") void letGo();
    };
    addEventListener("keydown", onKeyDown);
    addEventListener("keyup", onKeyUp);
    return () => {
      removeEventListener("keydown", onKeyDown);
      removeEventListener("keyup", onKeyUp);
    };
  }, []);

  const labels = { off: messages.talk, talk: messages.talkEnd, handsFree: messages.closeMicrophone };
  return (
    <button
      type="button"
      class={`icon-button talk ${state === "off" ? "" : "on"}`}
      aria-label={labels[state]}
      title={labels[state]}
      aria-pressed={state !== "off"}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        void press();
      }}
      onPointerUp={() => void letGo()}
      onPointerCancel={() => void letGo()}
      onContextMenu={(event) => event.preventDefault()} // a long touch
      onKeyDown={(event) => {
        if (!isPressKey(event)) return;
        event.preventDefault();
        if (!event.repeat) void press();
      }}
      onKeyUp={(event) => {
        if (!isPressKey(event)) return;
        event.preventDefault();
        void letGo();
      }}
      onClick={(event) => {
        // Screen readers click without pointer or key.
        if (event.detail === 0) void press();
      }}
    >
      <Icon name="microphone" />
    </button>
  );
}
