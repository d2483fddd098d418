/** What the camera sees, and what can be done with it. */

import { useLayoutEffect, useRef } from "preact/hooks";
import { useMessages } from "../../appContext.ts";
import { formatNumber } from "../../i18n/index.ts";
import { useControls } from "../../media/controls.ts";
import { useStore } from "../../state/store.ts";
import { IconButton } from "../iconButton.tsx";
import { MediaIcon } from "./mediaIcon.tsx";
import { ProblemCard } from "./problemCard.tsx";
import { useMediaMessages } from "./useMedia.ts";

export function CameraPanel() {
  const text = useMediaMessages();
  const { camera } = useControls();
  const phase = useStore(camera.store, (state) => state.phase);
  const problem = useStore(camera.store, (state) => state.problem);
  if (problem)
    return (
      <ProblemCard
        title={text.camera}
        text={text.cameraProblems[problem]}
        onRetry={() => void camera.start()}
        onDismiss={() => camera.dismiss()}
      />
    );
  if (phase === "off") return null;
  return (
    <section class="card live-card camera" aria-label={text.camera} data-testid="camera">
      <IconButton icon="close" class="live-close" label={text.closeCamera} onClick={() => camera.stop()} />
      {phase === "asking" ? <p role="status">{text.asking}</p> : <LiveCamera />}
      <p class="aside">{text.localNote}</p>
    </section>
  );
}

function LiveCamera() {
  const text = useMediaMessages();
  const { camera } = useControls();
  const { watching, hasOther } = useStore(camera.store, (state) => state);
  return (
    <div class="camera-body">
      <Preview />
      <div class="camera-controls">
        <div class="camera-buttons">
          <button type="button" class="button primary" onClick={() => void camera.snapshot()}>
            <MediaIcon name="camera" />
            {text.snapshot}
          </button>
          <button
            type="button"
            class="button"
            aria-pressed={watching}
            onClick={() => camera.watch(!watching)}
          >
            <MediaIcon name="film" />
            {text.watch}
          </button>
          {hasOther && (
            <button
              type="button"
              class="icon-button"
              aria-label={text.turnAround}
              title={text.turnAround}
              onClick={() => void camera.turnAround()}
            >
              <MediaIcon name="turn" />
            </button>
          )}
        </div>
        {watching && <Watching />}
      </div>
    </div>
  );
}

/** The camera's own element: frames are taken from it, too. */
function Preview() {
  const text = useMediaMessages();
  const { camera } = useControls();
  const frame = useRef<HTMLDivElement>(null);
  const facing = useStore(camera.store, (state) => state.facing);
  useLayoutEffect(() => {
    const { video } = camera;
    if (!video) return;
    video.setAttribute("aria-label", text.preview);
    frame.current!.replaceChildren(video);
    void video.play().catch(() => undefined);
  }, [camera.video, text]);
  return <div class={`preview ${facing === "user" ? "mirrored" : ""}`} ref={frame} />;
}

function Watching() {
  const messages = useMessages();
  const text = useMediaMessages();
  const { camera } = useControls();
  const { frames, spanMs, onChange, question } = useStore(camera.store, (state) => state);
  return (
    <>
      <p class="aside watching">
        <span class="dot pulse" />
        {text.watching(formatNumber(messages, frames), formatNumber(messages, spanMs / 1000, 1))}
      </p>
      <label class="check">
        <input
          type="checkbox"
          checked={onChange}
          onChange={(event) => camera.store.update({ onChange: event.currentTarget.checked })}
        />
        {text.onChange}
      </label>
      <input
        type="text"
        class="watch-for"
        aria-label={text.watchFor}
        value={question}
        disabled={!onChange}
        maxLength={2000}
        onInput={(event) => camera.store.update({ question: event.currentTarget.value })}
      />
    </>
  );
}
