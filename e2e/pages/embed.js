/** An app of its own: the built library and the official client, from files beside it. Tests drive it from outside. */

import { createOmni, OmniError } from "./vendor/omnitab/index.js";
import OpenAI from "./vendor/openai.js";

Object.assign(globalThis, { createOmni, OmniError, OpenAI });
