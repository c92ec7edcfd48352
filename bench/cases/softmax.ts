import { grad, jit, mul, softmax, sum, type Tensor, tensor } from "../../mod.ts";
import { type Case, NANOSECONDS_PER_ELEMENT } from "../case.ts";
import { uniform } from "../inputs.ts";
import { pure } from "./pure.ts";

export const softmaxGradient: Case = {
  name: "softmax",
  title: "softmax and its gradient",
  sizes: [{
    label: "4096 x 256",
    level: 0,
    numbers: { rows: 4096, columns: 256, elements: 4096 * 256 },
  }],
  measure: NANOSECONDS_PER_ELEMENT,
  prepare({ rows, columns }, device) {
    const shape = [rows!, columns!];
    const [x, w] = [1, 2].map((seed) =>
      tensor(uniform(seed, rows! * columns!, 4), { shape, device })
    ) as [Tensor, Tensor];
    const f = jit(grad((x: Tensor, w: Tensor) => sum(mul(softmax(x), w))));
    return pure(() => f(x, w));
  },
};
