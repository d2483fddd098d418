/** The components for pictures, sound and video, loaded with the first model or message that has to do with them. */

import { lazily } from "./lazily.tsx";

const media = () => import("./media/index.ts");

export const AttachmentList = lazily(async () => (await media()).AttachmentList);
export const AttachButtons = lazily(async () => (await media()).AttachButtons);
export const DraftAttachments = lazily(async () => (await media()).DraftAttachments);
export const MediaPanels = lazily(async () => (await media()).MediaPanels);
export const TalkButton = lazily(async () => (await media()).TalkButton);
export const UnseenNote = lazily(async () => (await media()).UnseenNote);

/** Attaches files to the draft, or says why not. */
export async function attachFiles(...args: Parameters<Awaited<ReturnType<typeof media>>["attachFiles"]>) {
  await (await media()).attachFiles(...args);
}
