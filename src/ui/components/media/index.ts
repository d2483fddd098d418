/** All that is loaded when a model takes more than text, or a message carries more. */

import "../../styles/media.css";

export { attachFiles } from "../../media/attachFiles.ts";
export { AttachButtons } from "./attachButtons.tsx";
export { AttachmentList, UnseenNote } from "./attachmentList.tsx";
export { DraftAttachments } from "./draftAttachments.tsx";
export { MediaPanels } from "./mediaPanels.tsx";
export { TalkButton } from "./talkButton.tsx";
