// What TypeScript knows about functions with a rule of their own, and about kernels, in a user's program.
import {
  customKernel,
  customVjp,
  exp,
  mul,
  type Shape,
  sum,
  type Tensor,
  type TensorLike,
} from "../../mod.ts";
import type { Equal, Expect, ExpectNot, IsAny } from "./expect.ts";

interface Params {
  readonly w: Tensor;
  readonly layers: readonly [{ b: Tensor }, Tensor];
}

declare const params: Params;
declare const x: Tensor;

/** Nothing in here runs. */
export function inferred(): void {
  // The function keeps its type; residuals and cotangents are known without a word.
  const f = customVjp((p: Params, x: Tensor) => ({ loss: sum(mul(p.w, x)), at: x }), {
    forward: (p, x) => {
      type _Params = Expect<Equal<typeof p, Params>>;
      return [{ loss: sum(mul(p.w, x)), at: x }, [p, exp(x), { n: 3 }]];
    },
    backward: ([p, e, { n }], { loss, at }) => {
      type _P = Expect<Equal<typeof p, Params>>;
      type _E = Expect<Equal<typeof e, Tensor>>;
      type _N = Expect<Equal<typeof n, 3>>;
      type _Cotangents = Expect<Equal<[typeof loss, typeof at], [Tensor, Tensor]>>;
      return [{ w: mul(loss, e), layers: null }, null];
    },
  });
  type _F = Expect<Equal<typeof f, (p: Params, x: Tensor) => { loss: Tensor; at: Tensor }>>;
  f(params, x);

  // @ts-expect-error -- a cotangent for each argument, in an array
  customVjp((x: Tensor) => x, { forward: (x) => [x, null], backward: (_, ct) => ct });
  customVjp((a: Tensor, b: Tensor) => mul(a, b), {
    forward: (a) => [a, null],
    // @ts-expect-error -- one is missing
    backward: (_, ct) => [ct],
  });
  // @ts-expect-error -- forward gives the result with residuals
  customVjp((x: Tensor) => x, { forward: (x) => x, backward: (_, ct) => [ct] });
  // @ts-expect-error -- forward gives another result than the function
  customVjp((x: Tensor) => x, { forward: (x) => [{ x }, null], backward: (_, ct) => [ct] });
  // @ts-expect-error -- both are needed
  customVjp((x: Tensor) => x, { forward: (x) => [x, null] });

  // Inputs are numbers and rows by their ranks, constants by their names.
  const kernel = customKernel(
    function (a, b, c) {
      type _A = Expect<Equal<typeof a, number>>;
      const row = b[0]!;
      const plane = c[0]!;
      type _Not = ExpectNot<IsAny<typeof row>>;
      type _Row = Expect<Equal<typeof row, number>>;
      type _Plane = Expect<Equal<typeof plane.length, number>>;
      const { k } = this.constants;
      type _K = Expect<Equal<typeof k, number>>;
      return a + row + plane[0]! * k + this.thread.x + this.output.z;
    },
    {
      inputs: [{ rank: 0 }, { rank: 1 }, { rank: 2 }],
      output: (_a, [n], [rows, columns]): Shape => {
        type _Extents = Expect<
          Equal<[typeof n, typeof rows, typeof columns], [number, number, number]>
        >;
        return [n, rows, columns];
      },
      constants: { k: 2 },
      backward: (cotangent, [a, b, c], output) => {
        type _Tensors = Expect<
          Equal<[typeof a, typeof b, typeof c, typeof output], [Tensor, Tensor, Tensor, Tensor]>
        >;
        return [null, mul(cotangent, b), null];
      },
    },
  );
  const result = kernel(1, x, x);
  type _Result = Expect<Equal<typeof result, Tensor>>;
  type _Arguments = Expect<Equal<Parameters<typeof kernel>, [TensorLike, Tensor, Tensor]>>;

  const one = { inputs: [{ rank: 1 }], output: (x: Shape): Shape => x } as const;
  // @ts-expect-error -- an input is missing
  kernel(1, x);
  // @ts-expect-error -- only an input without axes may be a number
  kernel(1, 2, x);
  customKernel(function (x) {
    // @ts-expect-error -- no such constant
    return x[0]! * this.constants.k;
  }, one);
  customKernel(function (x) {
    // @ts-expect-error -- a row is no number
    return x * 2;
  }, one);
  // @ts-expect-error -- a kernel returns a number
  customKernel(function () {
    return "1";
  }, { inputs: [], output: [] });
  const none = function () {
    return 1;
  };
  // @ts-expect-error -- ranks go to 3
  customKernel(none, { inputs: [{ rank: 4 }], output: [] });
}
