/** What `pages/embed.js` puts on the page. */

import type OpenAIClient from "openai";
import type * as omnitab from "../src/runtime/index.ts";

declare global {
  var createOmni: typeof omnitab.createOmni;
  var OmniError: typeof omnitab.OmniError;
  var OpenAI: typeof OpenAIClient;
  /** Set by a test, for its own later steps. */
  var omni: omnitab.Omni;
  var client: OpenAIClient;
}
