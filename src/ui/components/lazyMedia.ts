/** What there is for pictures, sound and video, loaded with its first use or the first message that carries some. */

import type { AppServices } from "../appContext.ts";
import type { MediaControls } from "../media/controls.ts";
import { lazily } from "./lazily.tsx";

const media = () => import("./media/index.ts");

export const AttachmentList = lazily(async () => (await media()).AttachmentList);
export const HeardNote = lazily(async () => (await media()).HeardNote);
export const DraftAttachments = lazily(async () => (await media()).DraftAttachments);
export const MediaPanels = lazily(async () => (await media()).MediaPanels);
export const UnseenNote = lazily(async () => (await media()).UnseenNote);

/** Attaches files to the draft, or says why not. */
export async function attachFiles(app: AppServices, files: readonly File[]): Promise<void> {
  await (await media()).attachFiles(app, files);
}

export async function mediaControls(app: AppServices): Promise<MediaControls> {
  return (await media()).controlsOf(app);
}
