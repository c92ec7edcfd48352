import { conv2d, grad, jit, mul, sum, type Tensor, tensor } from "../../mod.ts";
import type { Case, Numbers, Size } from "../case.ts";
import { uniform } from "../inputs.ts";
import { pure } from "./pure.ts";

const sizes: Size[] = [{
  label: "3x3, 64 -> 64, 16 x 32 x 32",
  level: 0,
  numbers: { batch: 16, extent: 32, channels: 64 },
}];

/** Multiplications and additions of one product of this size. */
const flops = ({ batch, extent, channels }: Numbers) =>
  2 * batch! * extent! ** 2 * 9 * channels! ** 2;

const options = { padding: "same" } as const;

function inputs({ batch, extent, channels }: Numbers, device: string) {
  const make = (seed: number, shape: number[]) =>
    tensor(uniform(seed, shape.reduce((a, b) => a * b)), { shape, device });
  const image = [batch!, extent!, extent!, channels!];
  return { x: make(1, image), w: make(2, [3, 3, channels!, channels!]), c: make(3, image) };
}

export const convolution: Case = {
  name: "conv",
  title: "convolution",
  sizes,
  measure: { label: "GFLOP/s", of: (numbers, nanoseconds) => flops(numbers) / nanoseconds },
  prepare(numbers, device) {
    const { x, w } = inputs(numbers, device);
    const f = jit((x: Tensor, w: Tensor) => conv2d(x, w, options));
    return pure(() => f(x, w));
  },
};

/** Of a weighted sum of the result, which itself is not needed. */
export const convolutionGradient: Case = {
  name: "conv-gradient",
  title: "gradients of a convolution",
  sizes,
  measure: { label: "GFLOP/s", of: (numbers, nanoseconds) => 2 * flops(numbers) / nanoseconds },
  prepare(numbers, device) {
    const { x, w, c } = inputs(numbers, device);
    const f = jit(
      grad(({ x, w }: { x: Tensor; w: Tensor }, c: Tensor) => sum(mul(conv2d(x, w, options), c))),
    );
    return pure(() => f({ x, w }, c), (result) => result.x);
  },
};
