/** Files that were picked, dropped or pasted become part of the draft, or the user learns why not. */

import type { AppServices } from "../appContext.ts";
import { formatBytes, formatNumber, type Messages, messagesFor } from "../i18n/index.ts";
import { formatClock, mediaMessagesFor } from "../i18n/media/index.ts";
import { hold } from "./attachmentStore.ts";
import { takeFile } from "./intake.ts";
import { attachmentLimits, FileError, type FileProblem } from "./limits.ts";

type Services = Pick<AppServices, "draft" | "notices" | "session" | "settings">;

/** The page's language where no component is at hand. */
export function messagesOf({ settings }: Pick<AppServices, "settings">): Messages {
  return messagesFor(settings.state.language, navigator.languages);
}

/** One after the other: they keep their order, and no two are decoded at once. */
export async function attachFiles(app: Services, files: readonly File[]): Promise<void> {
  const { draft, notices, session } = app;
  for (const file of files) {
    const { current } = session.store.state;
    const tell = (problem: FileProblem | { type: "noModel" }) =>
      notices.show("error", fileProblemText(messagesOf(app), file.name, problem, current?.name ?? ""));
    if (!current) {
      tell({ type: "noModel" });
      continue;
    }
    if (draft.store.state.attachments.length >= attachmentLimits.perMessage) {
      tell({ type: "tooMany", max: attachmentLimits.perMessage });
      continue;
    }
    draft.store.update({ adding: draft.store.state.adding + 1 });
    try {
      const { attachment, data } = await takeFile(file, current.inputs);
      hold(attachment.id, data);
      draft.attach(attachment);
    } catch (thrown) {
      tell(thrown instanceof FileError ? thrown.problem : { type: "undecodable" });
    } finally {
      draft.store.update({ adding: draft.store.state.adding - 1 });
    }
  }
}

/** A problem in the page's words, with the file's name. */
export function fileProblemText(
  messages: Messages,
  name: string,
  problem: FileProblem | { type: "noModel" },
  model: string,
): string {
  const { kinds, problems } = mediaMessagesFor(messages);
  switch (problem.type) {
    case "tooMany":
      return problems.tooMany(name, formatNumber(messages, problem.max));
    case "tooLarge":
      return problems.tooLarge(name, formatBytes(messages, problem.maxBytes));
    case "tooLong":
      return problems.tooLong(name, formatClock(problem.seconds), formatClock(problem.maxSeconds));
    case "notTaken":
      return problems.notTaken(name, model, kinds[problem.kind]);
    case "detail":
      return problems.detail(name, problem.message);
    default:
      return problems[problem.type](name);
  }
}
