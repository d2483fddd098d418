/** `GET /health`: 200 while the model can answer, 503 once its device is lost. */

import { OmniError } from "../../errors.ts";
import type { ServerContext } from "../context.ts";
import { jsonResponse } from "../http.ts";

export function health({ lostReason }: ServerContext): Response {
  if (lostReason !== undefined) throw new OmniError("device_lost", `The GPU device was lost: ${lostReason}`);
  return jsonResponse({ status: "ok" });
}
