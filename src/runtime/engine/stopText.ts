/** Ends a stream of text at the first stop string, holding back what could be the start of one. */
export class StopText {
  private held = "";

  constructor(private readonly stops: readonly string[]) {}

  /** The text that is certain now, and the stop string if one was completed (the text ends before it). */
  push(text: string): { text: string; stop: string | undefined } {
    if (this.stops.length === 0) return { text, stop: undefined };
    const pending = this.held + text;
    let at = -1;
    let found: string | undefined;
    for (const stop of this.stops) {
      const index = pending.indexOf(stop);
      if (index >= 0 && (at < 0 || index < at)) {
        at = index;
        found = stop;
      }
    }
    if (found !== undefined) {
      this.held = "";
      return { text: pending.slice(0, at), stop: found };
    }
    const keep = this.longestPossibleStart(pending);
    this.held = pending.slice(pending.length - keep);
    return { text: pending.slice(0, pending.length - keep), stop: undefined };
  }

  /** What was held back, when the stream ends otherwise. */
  flush(): string {
    const text = this.held;
    this.held = "";
    return text;
  }

  /** Length of the longest end of `text` with which a stop string begins. */
  private longestPossibleStart(text: string): number {
    let longest = 0;
    for (const stop of this.stops) {
      for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
        if (text.endsWith(stop.slice(0, length))) longest = length;
      }
    }
    return longest;
  }
}
