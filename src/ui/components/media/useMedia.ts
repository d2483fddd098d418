/** What components for media share: their language, the bytes of attachments, addresses to show them by. */

import { useEffect, useState } from "preact/hooks";
import { useMessages } from "../../appContext.ts";
import { type MediaMessages, mediaMessagesFor } from "../../i18n/media/index.ts";
import { type AttachmentData, load } from "../../media/attachmentStore.ts";

export function useMediaMessages(): MediaMessages {
  return mediaMessagesFor(useMessages());
}

/** Undefined while they are on their way, null where they are gone. */
export function useAttachmentData(id: string): AttachmentData | null | undefined {
  const [data, setData] = useState<AttachmentData | null>();
  useEffect(() => {
    let current = true;
    void load(id).then((loaded) => current && setData(loaded ?? null));
    return () => {
      current = false;
    };
  }, [id]);
  return data;
}

/** A `blob:` address that lives as long as the component. */
export function useObjectUrl(blob: Blob | undefined): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (!blob) return;
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  return url;
}
