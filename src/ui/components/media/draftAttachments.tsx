/** What is attached to the message that is being written. */

import { useApp } from "../../appContext.ts";
import { release } from "../../media/attachmentStore.ts";
import { useStore } from "../../state/store.ts";
import { AttachmentList } from "./attachmentList.tsx";
import { useMediaMessages } from "./useMedia.ts";

export function DraftAttachments() {
  const text = useMediaMessages();
  const { draft } = useApp();
  const attachments = useStore(draft.store, (state) => state.attachments);
  const adding = useStore(draft.store, (state) => state.adding);
  const remove = (id: string) => {
    draft.detach(id);
    release(id);
  };
  return (
    <div class="draft-attachments">
      {attachments.length > 0 && <AttachmentList items={attachments} onRemove={remove} />}
      {adding > 0 && (
        <p class="aside pulse" role="status">
          {text.reading}
        </p>
      )}
    </div>
  );
}
