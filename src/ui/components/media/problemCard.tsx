/** Why a camera or microphone is off, and what can be done about it. */

import { useMessages } from "../../appContext.ts";
import { Icon } from "../icon.tsx";
import { useMediaMessages } from "./useMedia.ts";

export interface ProblemCardProps {
  title: string;
  text: string;
  onRetry: () => void;
  onDismiss: () => void;
}

export function ProblemCard({ title, text, onRetry, onDismiss }: ProblemCardProps) {
  const messages = useMessages();
  const media = useMediaMessages();
  return (
    <section class="card failure-card" role="alert" aria-label={title}>
      <Icon name="alert" />
      <div>
        <p>{text}</p>
        <div class="card-buttons">
          <button type="button" class="button primary" onClick={onRetry}>
            {media.tryAgain}
          </button>
          <button type="button" class="button" onClick={onDismiss}>
            {messages.dismiss}
          </button>
        </div>
      </div>
    </section>
  );
}
