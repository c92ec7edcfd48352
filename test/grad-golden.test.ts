import assert from "node:assert/strict";
import { test } from "node:test";
import * as softstep from "../mod.ts";
import {
  add,
  exp,
  gelu,
  grad,
  jvp,
  logSumExp,
  mul,
  oneHot,
  sin,
  slice,
  sum,
  tanh,
  type Tensor,
  tensor,
  vjp,
  vmap,
} from "../mod.ts";
import { golden, goldenFunctions, goldenSections } from "./support/golden-functions.ts";
import { assertClose, elementsOf } from "./support/tensors.ts";

/** What this library does not have yet. */
const missing = ["atan2", "erfc", "logSigmoid", "prod", "softplus"];

/**
 * Elements of a gradient in which this library chooses 0 and JAX does not: |x| at 0 (JAX: 1), a^b by a at
 * a = b = 0 (JAX: NaN), and the cross entropy by a label that is 0 (JAX: -log of the probability).
 */
const zeroGradients: Record<string, readonly number[]> = {
  "abs 0": [1, 2],
  "pow 0": [0],
};

const tensor64 = (data: softstep.NestedArray) => tensor(data, { dtype: "float64" });
const flat = (data: softstep.NestedArray): number[] => elementsOf(tensor64(data));

test("golden functions: every function of the file is tested or known to be missing", () => {
  const names = new Set(
    goldenSections.flatMap((section) => golden[section].map((c) => c.function)),
  );
  assert.deepEqual(Object.keys(goldenFunctions).concat(missing).toSorted(), [...names].toSorted());
  for (const name of missing) assert.ok(!(name in softstep), `${name} exists now: test it`);
});

for (const section of goldenSections) {
  golden[section].forEach((c, i) => {
    const f = goldenFunctions[c.function];
    if (f === undefined) return;
    test(`golden functions: ${section} ${i}, ${c.function} ${JSON.stringify(c.options)}`, () => {
      const args = c.args.map(tensor64);
      const [value, pullback] = vjp((...inputs: Tensor[]) => f(inputs, c.options), ...args);
      assertClose(elementsOf(value), flat(c.value), 1e-12, "value");
      const gradients = pullback(tensor64(c.cotangent));
      c.gradients.forEach((expected, k) => {
        if (expected === null) return;
        const values = flat(expected);
        for (const element of zeroGradients[`${c.function} ${k}`] ?? []) values[element] = 0;
        assertClose(elementsOf(gradients[k]!), values, 1e-12, `gradient ${k}`);
      });
    });
  });
}

/** sum(sin(x) x^2) + x0 x1 x2 + logSumExp(x) */
function smooth(x: Tensor): Tensor {
  const [a, b, c] = [0, 1, 2].map((i) => slice(x, [i], [i + 1]));
  const product = sum(mul(mul(a!, b!), c!));
  return add(add(sum(mul(sin(x), mul(x, x))), product), logSumExp(x));
}

test("golden functions: a gradient, a Hessian, and products with it", () => {
  const { hessian, ...expected } = golden.hessian;
  const [x, tangent] = [tensor64(expected.x), tensor64(expected.tangent)];
  const close = (actual: Tensor, expected: softstep.NestedArray) =>
    assertClose(elementsOf(actual), flat(expected), 1e-12);
  close(smooth(x), expected.value);
  close(grad(smooth)(x), expected.gradient);
  close(jvp(smooth, [x], [tangent])[1], expected.jvp);
  close(jvp(grad(smooth), [x], [tangent])[1], expected.hessianVectorProduct);
  close(grad((x: Tensor) => sum(mul(grad(smooth)(x), tangent)))(x), expected.hessianVectorProduct);

  const basis = oneHot(tensor([0, 1, 2], { dtype: "int32" }), 3, "float64");
  const forwardOverReverse = vmap((t: Tensor) => jvp(grad(smooth), [x], [t])[1])(basis);
  const reverseOverReverse = vmap((t: Tensor) => vjp(grad(smooth), x)[1](t)[0])(basis);
  const reverseOverForward = vmap((t: Tensor) => grad((x: Tensor) => jvp(smooth, [x], [t])[1])(x))(
    basis,
  );
  for (const h of [forwardOverReverse, reverseOverReverse, reverseOverForward]) close(h, hessian);
});

/** A function of one number, and its first three derivatives by grad of grad and by jvp of jvp. */
function checkThree(f: (x: Tensor) => Tensor, x: number, expected: readonly number[]): void {
  const forward = (f: (x: Tensor) => Tensor) => (x: Tensor) =>
    jvp(f, [x], [tensor(1, { dtype: "float64" })])[1];
  for (const derive of [grad, forward] as ((f: (x: Tensor) => Tensor) => (x: Tensor) => Tensor)[]) {
    let derivative = f;
    for (const value of expected) {
      assertClose([derivative(tensor(x, { dtype: "float64" })).item()], [value], 1e-12);
      derivative = derive(derivative);
    }
  }
}

test("golden functions: three derivatives of a wave", () => {
  const wave = (x: Tensor) => mul(tanh(x), exp(mul(x, 0.5)));
  for (const { x, derivatives } of golden.thirdDerivative) checkThree(wave, x, derivatives);
});

test("golden functions: three derivatives of gelu", () => {
  for (const { x, approximate, derivatives } of golden.geluDerivatives) {
    checkThree((x) => gelu(x, { approximate }), x, derivatives);
  }
});
