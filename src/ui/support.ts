/** Whether this browser can run a model, and which browser it is. */

export type SupportProblem = "insecure" | "noWebgpu" | "noAdapter";

/** Undefined when everything that is needed is there. */
export async function findSupportProblem(): Promise<SupportProblem | undefined> {
  if (!globalThis.isSecureContext) return "insecure";
  if (!navigator.gpu) return "noWebgpu";
  const adapter = await navigator.gpu.requestAdapter().catch(() => null);
  return adapter ? undefined : "noAdapter";
}

export type BrowserName = "chrome" | "edge" | "firefox" | "safari" | "other";

/** The browser by its user agent string, only to put its advice first. */
export function guessBrowser(userAgent: string): BrowserName {
  if (/Edg(e|A|iOS)?\//.test(userAgent)) return "edge";
  if (/Firefox\/|FxiOS\//.test(userAgent)) return "firefox";
  if (/Chrome\/|Chromium\/|CriOS\//.test(userAgent)) return "chrome";
  if (/Safari\//.test(userAgent)) return "safari";
  return "other";
}
