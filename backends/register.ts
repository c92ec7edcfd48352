/** Registers the backends that come with the library, as a side effect of being imported. */
import { registerDevice } from "../src/backend/registry.ts";
import { referenceBackend } from "./reference/mod.ts";

// Until there is a fast engine for it, the reference backend serves as "cpu".
registerDevice("cpu", referenceBackend);
registerDevice("reference", referenceBackend);
