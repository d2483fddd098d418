/**
 * The engine in a module worker: `createOmni` starts it. An app's own worker can be used instead if it
 * imports this module, statically, so that it listens before the first message comes.
 */

import { loadLocal } from "./local.ts";
import { serve } from "./serve.ts";

serve(loadLocal);
