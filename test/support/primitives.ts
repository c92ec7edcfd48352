/** Primitives that have no public function of their own. */
export { bitcast, broadcast, not as logicalNot } from "../../src/primitives/mod.ts";
