/** Before the text: picking files, and the camera. */

import { useRef } from "preact/hooks";
import { useApp } from "../../appContext.ts";
import { attachFiles } from "../../media/attachFiles.ts";
import { useControls } from "../../media/controls.ts";
import type { InputKind } from "../../state/inputs.ts";
import { useStore } from "../../state/store.ts";
import { MediaIcon } from "./mediaIcon.tsx";
import { useMediaMessages } from "./useMedia.ts";

export function AttachButtons() {
  const text = useMediaMessages();
  const app = useApp();
  const { camera } = useControls();
  const picker = useRef<HTMLInputElement>(null);
  const inputs = useStore(app.session.store, (state) => state.current?.inputs) ?? [];
  const on = useStore(camera.store, (state) => state.phase !== "off");
  const cameraLabel = on ? text.closeCamera : text.useCamera;
  return (
    <span class="composer-tools">
      <input
        ref={picker}
        type="file"
        multiple
        hidden
        accept={acceptOf(inputs)}
        aria-label={text.attach}
        data-testid="pick"
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          event.currentTarget.value = ""; // the same file may be picked again
          void attachFiles(app, files);
        }}
      />
      <button
        type="button"
        class="icon-button"
        aria-label={text.attach}
        title={text.attach}
        onClick={() => picker.current?.click()}
      >
        <MediaIcon name="attach" />
      </button>
      {seesCamera(inputs) && (
        <button
          type="button"
          class="icon-button"
          aria-label={cameraLabel}
          title={cameraLabel}
          aria-pressed={on}
          onClick={() => (on ? camera.stop() : void camera.start())}
        >
          <MediaIcon name="camera" />
        </button>
      )}
    </span>
  );
}

export function seesCamera(inputs: readonly InputKind[]): boolean {
  return inputs.includes("image") || inputs.includes("video");
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
