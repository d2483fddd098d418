/** Copies a text and says so for a moment. */

import { useEffect, useRef, useState } from "preact/hooks";
import { useApp, useMessages } from "../appContext.ts";
import { IconButton } from "./iconButton.tsx";

const copiedMs = 1600;

/** Whether the text has just been copied, and the function that copies it. */
export function useCopy(text: string): [boolean, () => void] {
  const messages = useMessages();
  const { notices } = useApp();
  const [copied, setCopied] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      clearTimeout(timer.current);
      timer.current = setTimeout(() => setCopied(false), copiedMs);
    } catch {
      notices.show("error", messages.copyFailed);
    }
  };
  return [copied, () => void copy()];
}

export function CopyButton({ text }: { text: string }) {
  const messages = useMessages();
  const [copied, copy] = useCopy(text);
  return (
    <IconButton
      icon={copied ? "check" : "copy"}
      label={copied ? messages.copied : messages.copy}
      onClick={copy}
    />
  );
}
