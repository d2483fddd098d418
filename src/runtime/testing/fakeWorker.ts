/** A worker that serves fake engines. */

import { serve } from "../serve.ts";
import { fakeLoad } from "./fakeLoad.ts";

serve(fakeLoad);
