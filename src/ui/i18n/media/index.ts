/** The language of what the page says about media: that of the page. */

import type { Messages } from "../index.ts";
import { en, type MediaMessages } from "./en.ts";
import { zh } from "./zh.ts";

export type { MediaMessages };

export function mediaMessagesFor({ code }: Pick<Messages, "code">): MediaMessages {
  return code === "en" ? en : zh;
}

/** Minutes and seconds: 0:07, 12:30. */
export function formatClock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
