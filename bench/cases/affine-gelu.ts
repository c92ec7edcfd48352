import { gelu, jit, type Tensor, tensor } from "../../mod.ts";
import { type Case, NANOSECONDS_PER_ELEMENT } from "../case.ts";
import { uniform } from "../inputs.ts";
import { pure } from "./pure.ts";

/** A chain of element-wise operations that should be one pass. */
export const affineGelu: Case = {
  name: "affine-gelu",
  title: "gelu(1.5 x + 0.5)",
  sizes: [
    { label: "1e6", level: 0, numbers: { elements: 1e6 } },
    { label: "1e7", level: 1, numbers: { elements: 1e7 } },
  ],
  measure: NANOSECONDS_PER_ELEMENT,
  prepare({ elements }, device) {
    const x = tensor(uniform(1, elements!), { device });
    const f = jit((x: Tensor) => gelu(x.mul(1.5).add(0.5), { approximate: true }));
    return pure(() => f(x));
  },
};
