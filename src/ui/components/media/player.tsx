/** A sound: a button that plays it, how far it is, how long it lasts. */

import { useEffect, useRef, useState } from "preact/hooks";
import { formatClock } from "../../i18n/media/index.ts";
import { MediaIcon } from "./mediaIcon.tsx";
import { useMediaMessages, useObjectUrl } from "./useMedia.ts";

export interface PlayerProps {
  name: string;
  blob: Blob;
  seconds: number | undefined;
}

export function Player({ name, blob, seconds }: PlayerProps) {
  const text = useMediaMessages();
  const url = useObjectUrl(blob);
  const audio = useRef<HTMLAudioElement>(null);
  const [playing, setPlaying] = useState(false);
  const [at, setAt] = useState(0);
  useEffect(() => () => audio.current?.pause(), []);
  const toggle = () => {
    const element = audio.current!;
    // A browser may refuse; the button stays as it is then.
    if (element.paused) void element.play().catch(() => undefined);
    else element.pause();
  };
  const label = playing ? text.pause(name) : text.play(name);
  return (
    <span class="player">
      {/* biome-ignore lint/a11y/useMediaCaption: what users recorded or attached has no captions */}
      <audio
        ref={audio}
        src={url}
        preload="none"
        onPlay={() => setPlaying(true)}
        onPause={() => setPlaying(false)}
        onTimeUpdate={(event) => setAt(event.currentTarget.currentTime)}
        onEnded={() => setAt(0)}
      />
      <button type="button" class="player-button" aria-label={label} title={label} onClick={toggle}>
        <MediaIcon name={playing ? "pause" : "play"} />
      </button>
      <span class="player-text">
        <span class="player-name">{name}</span>
        <span class="figures">
          {playing || at > 0 ? `${formatClock(at)} / ` : ""}
          {seconds === undefined ? "–:––" : formatClock(seconds)}
        </span>
      </span>
      {seconds !== undefined && (
        <span class="player-progress" style={{ transform: `scaleX(${Math.min(1, at / seconds)})` }} />
      )}
    </span>
  );
}
