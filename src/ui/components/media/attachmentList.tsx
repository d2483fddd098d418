/** What a message carries: pictures, sounds, videos, frames of a camera. */

import { useMessages } from "../../appContext.ts";
import { formatNumber } from "../../i18n/index.ts";
import { formatClock } from "../../i18n/media/index.ts";
import type { AttachmentData } from "../../media/attachmentStore.ts";
import type { Attachment } from "../../state/attachments.ts";
import { Icon } from "../icon.tsx";
import { Player } from "./player.tsx";
import { useAttachmentData, useMediaMessages, useObjectUrl } from "./useMedia.ts";

export interface AttachmentListProps {
  items: readonly Attachment[];
  /** Makes them small, with a button that removes them. */
  onRemove?: (id: string) => void;
}

export function AttachmentList({ items, onRemove }: AttachmentListProps) {
  const text = useMediaMessages();
  return (
    <ul class={`attachments ${onRemove ? "small" : ""}`} aria-label={text.attachments}>
      {items.map((item) => (
        <li key={item.id} class={`attachment ${item.kind}`} title={item.name} data-testid="attachment">
          <Content attachment={item} small={onRemove !== undefined} />
          {onRemove && (
            <button
              type="button"
              class="remove"
              aria-label={text.remove(item.name)}
              title={text.remove(item.name)}
              onClick={() => onRemove(item.id)}
            >
              <Icon name="close" />
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

function Content({ attachment, small }: { attachment: Attachment; small: boolean }) {
  const text = useMediaMessages();
  const data = useAttachmentData(attachment.id);
  if (data === undefined) return <span class="attachment-wait" />;
  if (data === null) return <span class="attachment-gone">{text.gone(attachment.name)}</span>;
  const { kind, name, seconds } = attachment;
  if (kind === "audio") return <Player name={name} blob={data.blobs[0]!} seconds={seconds} />;
  if (kind === "image") return <Picture blob={data.blobs[0]!} label={name} />;
  if (kind === "frames") return <Frames data={data} seconds={seconds} small={small} />;
  return <Video attachment={attachment} data={data} small={small} />;
}

function Picture({ blob, label }: { blob: Blob; label: string }) {
  const url = useObjectUrl(blob);
  return url ? <img src={url} alt={label} /> : <span class="attachment-wait" />;
}

function Video({
  attachment,
  data,
  small,
}: {
  attachment: Attachment;
  data: AttachmentData;
  small: boolean;
}) {
  const video = useObjectUrl(small ? undefined : data.blobs[0]);
  const poster = useObjectUrl(data.poster);
  if (small)
    return (
      <>
        {poster && <img src={poster} alt={attachment.name} />}
        <Duration seconds={attachment.seconds} />
      </>
    );
  return (
    // biome-ignore lint/a11y/useMediaCaption: what users attached has no captions
    <video src={video} poster={poster} aria-label={attachment.name} controls playsInline preload="none" />
  );
}

function Frames({
  data,
  seconds,
  small,
}: {
  data: AttachmentData;
  seconds: number | undefined;
  small: boolean;
}) {
  const messages = useMessages();
  const text = useMediaMessages();
  const shown = small ? data.blobs.slice(-1) : data.blobs;
  return (
    <>
      <span class="strip">
        {shown.map((blob, index) => (
          <Picture key={index} blob={blob} label={text.frame(formatNumber(messages, index + 1))} />
        ))}
      </span>
      <Duration seconds={seconds} />
    </>
  );
}

function Duration({ seconds }: { seconds: number | undefined }) {
  return seconds === undefined ? null : <span class="duration">{formatClock(seconds)}</span>;
}

/** What the model took a recording for: its words are text, whatever they look like. */
export function HeardNote({ text }: { text: string }) {
  return (
    <p class="aside heard-note" data-testid="heard">
      {useMediaMessages().heard(text)}
    </p>
  );
}

export function UnseenNote() {
  return <p class="aside">{useMediaMessages().unseen}</p>;
}
