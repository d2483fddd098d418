/** A .gguf file dropped anywhere on the page is opened. */

import { useEffect, useState } from "preact/hooks";
import { useApp, useMessages } from "../appContext.ts";

function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

export function DropTarget() {
  const messages = useMessages();
  const { session, notices, view } = useApp();
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
      const file = event.dataTransfer?.files[0];
      if (!file) return;
      if (!/\.gguf$/i.test(file.name)) {
        notices.show("error", messages.notGguf(file.name));
        return;
      }
      view.update({ dialog: undefined });
      void session.open({ kind: "file", file });
    };
    addEventListener("dragover", onDragOver);
    addEventListener("dragleave", onDragLeave);
    addEventListener("drop", onDrop);
    return () => {
      removeEventListener("dragover", onDragOver);
      removeEventListener("dragleave", onDragLeave);
      removeEventListener("drop", onDrop);
    };
  }, [messages]);
  return over ? <div class="drop-target">{messages.dropHere}</div> : null;
}
