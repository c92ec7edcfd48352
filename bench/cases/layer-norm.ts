import { grad, jit, layerNorm, mul, sum, type Tensor, tensor } from "../../mod.ts";
import { type Case, NANOSECONDS_PER_ELEMENT } from "../case.ts";
import { uniform } from "../inputs.ts";
import { pure } from "./pure.ts";

type Arguments = { x: Tensor; scale: Tensor; offset: Tensor };

export const layerNormGradient: Case = {
  name: "layer-norm",
  title: "layerNorm and its gradients",
  sizes: [{
    label: "4096 x 256",
    level: 0,
    numbers: { rows: 4096, columns: 256, elements: 4096 * 256 },
  }],
  measure: NANOSECONDS_PER_ELEMENT,
  prepare({ rows, columns }, device) {
    const make = (seed: number, shape: number[]) =>
      tensor(uniform(seed, shape.reduce((a, b) => a * b)), { shape, device });
    const all = {
      x: make(1, [rows!, columns!]),
      scale: make(3, [columns!]),
      offset: make(4, [columns!]),
    };
    const w = make(2, [rows!, columns!]);
    const f = jit(
      grad(({ x, ...norm }: Arguments, w: Tensor) => sum(mul(layerNorm(norm, x), w))),
    );
    return pure(() => f(all, w), (result) => result.x);
  },
};
