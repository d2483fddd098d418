/** What the microphone hears: level, length, and what to do with it. */

import { useMessages } from "../../appContext.ts";
import { meterShare } from "../../capture/level.ts";
import { formatClock } from "../../i18n/media/index.ts";
import { useControls } from "../../media/controls.ts";
import { maxTalkSeconds } from "../../media/microphoneControl.ts";
import { useStore } from "../../state/store.ts";
import { IconButton } from "../iconButton.tsx";
import { ProblemCard } from "./problemCard.tsx";
import { useMediaMessages } from "./useMedia.ts";

export function MicrophonePanel() {
  const messages = useMessages();
  const text = useMediaMessages();
  const { microphone } = useControls();
  const phase = useStore(microphone.store, (state) => state.phase);
  const problem = useStore(microphone.store, (state) => state.problem);
  const note = useStore(microphone.store, (state) => state.note);
  if (problem)
    return (
      <ProblemCard
        title={text.microphone}
        text={text.microphoneProblems[problem]}
        onRetry={() => void microphone.start()}
        onDismiss={() => microphone.dismiss()}
      />
    );
  if (phase === "off")
    return note ? (
      <section class="card live-card" role="status">
        <p>{note === "full" ? text.full(formatClock(maxTalkSeconds)) : text.nothingHeard}</p>
        <IconButton
          icon="close"
          class="live-close"
          label={messages.dismiss}
          onClick={() => microphone.dismiss()}
        />
      </section>
    ) : null;
  return (
    <section class="card live-card microphone" aria-label={text.microphone} data-testid="microphone">
      <IconButton
        icon="close"
        class="live-close"
        label={text.closeMicrophone}
        onClick={() => microphone.stop()}
      />
      {phase === "asking" ? <p role="status">{text.asking}</p> : <LiveMicrophone />}
      <p class="aside">{text.localNote}</p>
    </section>
  );
}

function LiveMicrophone() {
  const text = useMediaMessages();
  const { microphone } = useControls();
  const mode = useStore(microphone.store, (state) => state.mode);
  const isSpeaking = useStore(microphone.store, (state) => state.isSpeaking);
  const isSilent = useStore(microphone.store, (state) => state.isSilent);
  const handsFree = mode === "handsFree";
  return (
    <>
      <p role="status">
        {isSilent ? text.silent : handsFree ? (isSpeaking ? text.hearing : text.handsFreeOn) : text.recording}
      </p>
      <Level />
      <div class="card-buttons">
        {!handsFree && (
          <>
            <button type="button" class="button primary" onClick={() => microphone.finish("send")}>
              {text.sendNow}
            </button>
            <button type="button" class="button" onClick={() => microphone.finish("attach")}>
              {text.keepAsFile}
            </button>
            <button type="button" class="button" onClick={() => microphone.finish("discard")}>
              {text.discard}
            </button>
          </>
        )}
        <button
          type="button"
          class="button"
          aria-pressed={handsFree}
          onClick={() => microphone.setMode(handsFree ? "talk" : "handsFree")}
        >
          {text.handsFree}
        </button>
      </div>
    </>
  );
}

/** On its own, as it changes 25 times a second. */
function Level() {
  const text = useMediaMessages();
  const { microphone } = useControls();
  const { levelDb, seconds, isSpeaking, mode } = useStore(microphone.store, (state) => state);
  const share = meterShare(levelDb);
  const isHeard = mode === "talk" || isSpeaking;
  return (
    <div class="level">
      <meter class="visually-hidden" aria-label={text.level} value={share} />
      <div class={`meter ${isHeard ? "heard" : ""}`} aria-hidden="true">
        <span style={{ transform: `scaleX(${share})` }} />
      </div>
      <span class="figures" data-testid="talk-length">
        {formatClock(seconds)}
      </span>
    </div>
  );
}
