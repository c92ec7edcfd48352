import { jit, matmul, type Tensor, tensor } from "../../mod.ts";
import type { Case, Level, Size } from "../case.ts";
import { uniform } from "../inputs.ts";
import { pure } from "./pure.ts";

const square = (n: number, level: Level): Size => ({
  label: `${n}`,
  level,
  numbers: { m: n, k: n, n },
});

export const matrixProduct: Case = {
  name: "matmul",
  title: "matrix product",
  sizes: [
    square(256, 0),
    square(512, 1),
    square(1024, 1),
    square(2048, 2),
    { label: "64x784x256", level: 0, numbers: { m: 64, k: 784, n: 256 } },
    { label: "4096x256x1024", level: 1, numbers: { m: 4096, k: 256, n: 1024 } },
  ],
  measure: { label: "GFLOP/s", of: ({ m, k, n }, nanoseconds) => (2 * m! * k! * n!) / nanoseconds },
  prepare({ m, k, n }, device) {
    const a = tensor(uniform(1, m! * k!), { shape: [m!, k!], device });
    const b = tensor(uniform(2, k! * n!), { shape: [k!, n!], device });
    const f = jit((a: Tensor, b: Tensor) => matmul(a, b));
    return pure(() => f(a, b));
  },
};
