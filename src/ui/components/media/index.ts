/** All that is loaded when a camera, microphone or file is first used, or a message carries more than text. */

import "../../styles/media.css";

export { attachFiles } from "../../media/attachFiles.ts";
export { controlsOf } from "../../media/controls.ts";
export { AttachmentList, HeardNote, UnseenNote } from "./attachmentList.tsx";
export { DraftAttachments } from "./draftAttachments.tsx";
export { MediaPanels } from "./mediaPanels.tsx";
