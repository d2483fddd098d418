/** Asks again and again, but only while somebody can see the answer. */

/** What of a document says whether it can be seen. */
export type Visibility = Pick<Document, "hidden" | "addEventListener" | "removeEventListener">;

/**
 * Runs the task now and `everyMs` after each run, not while the page is hidden, and again once it is shown. One run at a
 * time; a task that fails is tried again.
 * @returns ends it
 */
export function pollWhileVisible(task: () => Promise<void>, everyMs: number, page: Visibility): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running = false;
  let stopped = false;
  const run = async () => {
    clearTimeout(timer);
    if (stopped || running || page.hidden) return;
    running = true;
    await task().catch(() => undefined);
    running = false;
    if (!stopped) timer = setTimeout(run, everyMs);
  };
  const onChange = () => void run();
  page.addEventListener("visibilitychange", onChange);
  onChange();
  return () => {
    stopped = true;
    clearTimeout(timer);
    page.removeEventListener("visibilitychange", onChange);
  };
}
