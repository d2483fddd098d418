/** The question that is being made: text and what is attached to it. */

import type { Attachment } from "./attachments.ts";
import type { Chat } from "./chat.ts";
import { Store } from "./store.ts";

export interface DraftState {
  text: string;
  attachments: readonly Attachment[];
  /** Files that are being looked at. */
  adding: number;
}

export class Draft {
  readonly store = new Store<DraftState>({ text: "", attachments: [], adding: 0 });
  /** What a camera sees when the question is sent. */
  live: () => Attachment | undefined = () => undefined;
  readonly #chat: Chat;

  constructor(chat: Chat) {
    this.#chat = chat;
  }

  attach(attachment: Attachment): void {
    this.store.update({ attachments: [...this.store.state.attachments, attachment] });
  }

  detach(id: string): void {
    this.store.update({ attachments: this.store.state.attachments.filter((item) => item.id !== id) });
  }

  /** Whether there is something to send; whether it can be sent now is another question. */
  static isComplete({ text, attachments, adding }: DraftState): boolean {
    return adding === 0 && (text.trim() !== "" || attachments.length > 0);
  }

  /** Asks it, if that is possible now. @returns whether it was sent */
  send(): boolean {
    const { text, attachments } = this.store.state;
    if (!this.#chat.isFree || !Draft.isComplete(this.store.state)) return false;
    const live = this.live();
    this.store.update({ text: "", attachments: [] });
    void this.#chat.send(text.trim(), live ? [...attachments, live] : attachments);
    return true;
  }
}
