/** What messages carry besides text. Their bytes are kept apart, as a conversation is stored again with every word of an answer. */

/** `frames`: the last pictures of a camera, in their order. */
export type AttachmentKind = "image" | "audio" | "video" | "frames";

export interface Attachment {
  id: string;
  kind: AttachmentKind;
  name: string;
  /** Media type, by what the bytes are. */
  type: string;
  /** Of sound and video, where it is known; of frames, from the first to the last. */
  seconds?: number;
  /** The page's microphone gave it. */
  recorded?: true;
}

const kinds: readonly unknown[] = ["image", "audio", "video", "frames"];

/** What was stored, as far as it is attachments. */
export function restoreAttachments(stored: unknown): Attachment[] {
  if (!Array.isArray(stored)) return [];
  return (stored as Partial<Attachment>[]).filter(
    (item): item is Attachment =>
      typeof item?.id === "string" &&
      typeof item.name === "string" &&
      typeof item.type === "string" &&
      kinds.includes(item.kind),
  );
}
