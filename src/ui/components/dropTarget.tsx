/** Files dropped anywhere on the page or pasted: a model is opened, anything else attached to the message. */

import { useEffect, useState } from "preact/hooks";
import { useApp, useMessages } from "../appContext.ts";
import { isModelFile } from "../state/models.ts";
import { attachFiles } from "./lazyMedia.ts";

function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

export function DropTarget() {
  const messages = useMessages();
  const app = useApp();
  const [over, setOver] = useState(false);
  useEffect(() => {
    const onDragOver = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const onDragLeave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const onDrop = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(false);
      const files = [...(event.dataTransfer?.files ?? [])];
      const model = files.find(({ name }) => isModelFile(name));
      app.view.update({ dialog: undefined });
      if (model) void app.session.open({ kind: "file", file: model });
      else void attachFiles(app, files);
    };
    const onPaste = ({ clipboardData, defaultPrevented }: ClipboardEvent) => {
      const files = [...(clipboardData?.files ?? [])];
      // Documents put a picture of their text beside it.
      const types = clipboardData?.types ?? [];
      const isText = types.includes("text/plain") && types.includes("text/html");
      if (files.length > 0 && !isText && !defaultPrevented && !app.view.state.dialog)
        void attachFiles(app, files);
    };
    addEventListener("dragover", onDragOver);
    addEventListener("dragleave", onDragLeave);
    addEventListener("drop", onDrop);
    addEventListener("paste", onPaste);
    return () => {
      removeEventListener("dragover", onDragOver);
      removeEventListener("dragleave", onDragLeave);
      removeEventListener("drop", onDrop);
      removeEventListener("paste", onPaste);
    };
  }, []);
  return over ? <div class="drop-target">{messages.dropHere}</div> : null;
}
