/** The reference backend. */
export { referenceBackend } from "./backend.ts";
