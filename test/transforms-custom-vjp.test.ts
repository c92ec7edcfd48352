import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  abs,
  add,
  argMax,
  cast,
  cos,
  customVjp,
  DifferentiationError,
  DTypeError,
  equal,
  exp,
  grad,
  jit,
  jvp,
  less,
  makeGraph,
  mean,
  mul,
  round,
  ShapeError,
  sign,
  sin,
  square,
  stack,
  sum,
  type Tensor,
  tensor,
  TracedValueError,
  TreeError,
  valueAndGrad,
  vjp,
  vmap,
  where,
  zeros,
} from "../mod.ts";
import { assertClose, assertSameBits, elementsOf, uniformTensor } from "./support/tensors.ts";

type Binary = (x: Tensor, y: Tensor) => Tensor;

const plain: Binary = (x, y) => mul(sin(x), exp(y));

/** The true derivative of `plain`, by hand. */
const ruled: Binary = customVjp(plain, {
  forward: (x, y) => [plain(x, y), { x, factor: exp(y) }],
  backward: ({ x, factor }, cotangent) => [
    mul(cotangent, mul(cos(x), factor)),
    mul(cotangent, mul(sin(x), factor)),
  ],
});

const straightThrough = customVjp((x: Tensor) => round(x), {
  forward: (x) => [round(x), null],
  backward: (_, cotangent) => [cotangent],
});

const rows = (...list: Tensor[]): Tensor => stack([...list, list[0]!]);

/** Compositions of transformations, each on a function of two vectors. */
const compositions: Record<string, (f: Binary, x: Tensor, y: Tensor) => Tensor> = {
  value: (f, x, y) => f(x, y),
  grad: (f, x, y) => grad((x: Tensor) => sum(f(x, y)))(x),
  "the second argument": (f, x, y) => grad((y: Tensor) => sum(square(f(x, y))))(y),
  both: (f, x, y) => {
    const [a, b] = grad((x: Tensor, y: Tensor) => sum(square(f(x, y))), { argnums: [0, 1] })(x, y);
    return add(a, mul(b, 2));
  },
  "a chain of two": (f, x, y) => grad((x: Tensor) => sum(f(f(x, y), x)))(x),
  "grad of grad": (f, x, y) =>
    grad((x: Tensor) => sum(mul(grad((x: Tensor) => sum(f(x, y)))(x), y)))(x),
  "third order": (f, x, y) => {
    const d = (g: (x: Tensor) => Tensor) => grad((x: Tensor) => sum(g(x)));
    return d(d(d((x) => f(x, y))))(x);
  },
  "value and gradient, differentiated": (f, x, y) =>
    grad((x: Tensor) => {
      const [value, gradient] = valueAndGrad((x: Tensor) => sum(f(x, y)))(x);
      return add(value, sum(square(gradient)));
    })(x),
  "jvp of grad": (f, x, y) => jvp(grad((x: Tensor) => sum(f(x, y))), [x], [y])[1],
  vjp: (f, x, y) => {
    const [value, pullback] = vjp(f, x, y);
    const [a, b] = pullback(mul(value, x));
    return add(a, b);
  },
  vmap: (f, x, y) => vmap(f)(x, y),
  "vmap of grad": (f, x, y) =>
    sum(
      vmap(grad((x: Tensor, y: Tensor) => sum(f(x, y))), { inAxes: [0, null] })(rows(x, y), y),
      { axis: 1 },
    ),
  "grad of vmap, shared argument": (f, x, y) =>
    grad((y: Tensor) => sum(vmap(f, { inAxes: [0, null] })(rows(x, y), y)))(y),
  "grad of vmap, one argument in rows": (f, x, y) =>
    grad((x: Tensor) => sum(square(vmap(f, { inAxes: [1, null], outAxes: 1 })(x, y))))(rows(x, x)),
  "grad of vmap of grad": (f, x, y) =>
    grad((y: Tensor) =>
      sum(
        vmap(grad((x: Tensor, y: Tensor) => sum(f(x, y))), { inAxes: [0, null] })(rows(x, x), y),
      )
    )(y),
  "vmap in vmap": (f, x, y) =>
    vmap((x: Tensor, y: Tensor) => vmap(f, { inAxes: [null, 0] })(x, y), {
      inAxes: [0, null],
    })(rows(x, y), rows(y, x)),
};

for (const [name, apply] of Object.entries(compositions)) {
  test(`customVjp: the true rule changes nothing: ${name}`, () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const [x, y] = [uniformTensor([3], seed), uniformTensor([3], seed + 1)];
        const expected = elementsOf(apply(plain, x, y));
        const ways: Record<string, Tensor> = {
          eager: apply(ruled, x, y),
          "jit outside": jit((x: Tensor, y: Tensor) => apply(ruled, x, y))(x, y),
          "jit inside": apply(jit(ruled), x, y),
          "jit on both sides": jit((x: Tensor, y: Tensor) => apply(jit(jit(ruled)), x, y))(x, y),
        };
        for (const [way, actual] of Object.entries(ways)) {
          assertClose(elementsOf(actual), expected, 1e-13, way);
        }
      }),
      { numRuns: 10 },
    );
  });
}

test("customVjp: the gradient is what the rule says, not what the function does", () => {
  const x = tensor([0.2, 0.7, -1.6]);
  const loss = (x: Tensor) => sum(mul(straightThrough(x), tensor([1, 2, 3])));
  for (const f of [grad(loss), jit(grad(loss)), grad(jit(loss)), grad(jit(jit(loss)))]) {
    assert.deepEqual(f(x).toArray(), [1, 2, 3]);
  }
  assert.deepEqual(straightThrough(x).toArray(), [0, 1, -2]);
  // Of the mean of squares, too: 2 round(x) / n.
  assertClose(elementsOf(grad((x: Tensor) => mean(square(straightThrough(x))))(x)), [
    0,
    2 / 3,
    -4 / 3,
  ], 1e-7);
});

test("customVjp: an identity clips the gradient of those who use it, not of others", () => {
  const clipped = customVjp((x: Tensor) => x, {
    forward: (x) => [x, null],
    backward: (_, cotangent) => [where(less(abs(cotangent), 1), cotangent, sign(cotangent))],
  });
  const weights = tensor([0.5, -3, 10]);
  const loss = (x: Tensor) => add(sum(mul(clipped(x), weights)), sum(mul(x, 100)));
  for (const f of [grad(loss), jit(grad(loss)), grad(jit(loss)), jit(grad(jit(loss)))]) {
    assert.deepEqual(f(zeros([3])).toArray(), [100.5, 99, 101]);
  }
});

test("customVjp: a rule sees the cotangents of all outputs at once", () => {
  let calls = 0;
  const seen: number[][] = [];
  const pair = customVjp((x: Tensor) => ({ a: mul(x, 2), b: [mul(x, 3)] }), {
    forward: (x) => [{ a: mul(x, 2), b: [mul(x, 3)] }, null],
    backward: (_, { a, b }) => {
      calls++;
      seen.push([a.item(), b[0]!.item()]);
      return [add(a, b[0]!)];
    },
  });
  const loss = (x: Tensor) => {
    const { a, b } = pair(x);
    return add(add(a, a), mul(b[0]!, 5));
  };
  assert.equal(grad(loss)(tensor(1)).item(), 7);
  assert.deepEqual([calls, seen], [1, [[2, 5]]]);
  // An output that nobody uses has the cotangent zero.
  assert.equal(grad((x: Tensor) => pair(x).a)(tensor(1)).item(), 1);
  assert.deepEqual(seen[1], [1, 0]);
});

test("customVjp: trees, integers, null for zero, and residuals of any kind", () => {
  type Params = { readonly w: Tensor; readonly steps: Tensor; readonly rest: readonly Tensor[] };
  const f = customVjp(({ w, rest }: Params, x: Tensor) => mul(mul(w, x), rest[0]!), {
    forward: (p, x) => [mul(mul(p.w, x), p.rest[0]!), { x, scale: 10, tag: "t", none: null }],
    backward: ({ x, scale, tag }, cotangent) => {
      assert.equal(tag, "t");
      return [{ w: mul(mul(cotangent, x), scale), steps: null, rest: null }, null];
    },
  });
  const steps = tensor(3, { dtype: "int32" });
  const loss = (w: Tensor, r: Tensor, x: Tensor) => sum(f({ w, steps, rest: [r] }, x));
  const args = [tensor([1, 2]), tensor([1, 1]), tensor([5, 6])] as const;
  for (
    const transform of [
      grad(loss, { argnums: [0, 1, 2] }),
      jit(grad(jit(loss), { argnums: [0, 1, 2] })),
    ]
  ) {
    const [w, r, x] = transform(...args);
    assert.deepEqual([w.toArray(), r.toArray(), x.toArray()], [[50, 60], [0, 0], [0, 0]]);
  }
});

test("customVjp: integer outputs carry no gradient", () => {
  const top = customVjp((x: Tensor) => ({ value: square(x), at: argMax(x) }), {
    forward: (x) => [{ value: square(x), at: argMax(x) }, null],
    backward: (_, { value, at }) => {
      assert.equal(at.dtype, "int32");
      return [mul(value, 7)];
    },
  });
  const loss = (x: Tensor) => {
    const { value, at } = top(x);
    return mul(sum(value), cast(at, "float32"));
  };
  const x = tensor([1, 5, 2]);
  assert.deepEqual(grad(loss)(x).toArray(), [7, 7, 7]);
  assert.deepEqual(grad(jit(loss))(x).toArray(), [7, 7, 7]);
});

test("customVjp: the value keeps its rule when a gradient beside it is differentiated", () => {
  const loss = (x: Tensor) => {
    const [value, gradient] = valueAndGrad((x: Tensor) => sum(mul(straightThrough(x), x)))(x);
    return add(value, sum(square(gradient)));
  };
  // With dr/dx = 1 the value r x has the derivative r + x, which is the gradient too; its own derivative is 2.
  const x = tensor([0.6]);
  const gradient = 1 + Math.fround(0.6);
  for (const f of [grad(loss), jit(grad(loss)), grad(jit(loss))]) {
    assertClose(elementsOf(f(x)), [gradient + 2 * gradient * 2], 1e-6);
  }
});

test("customVjp: bfloat16 cotangents of a shared argument are added over a batch", () => {
  const scale = customVjp((x: Tensor, w: Tensor) => mul(x, cast(w, "float32")), {
    forward: (x, w) => [mul(x, cast(w, "float32")), x],
    backward: (x, cotangent) => [null, cast(mul(cotangent, x), "bfloat16")],
  });
  const w = cast(tensor(2), "bfloat16");
  const loss = (w: Tensor) =>
    sum(vmap((x: Tensor, w: Tensor) => scale(x, w), { inAxes: [0, null] })(tensor([1, 2, 3]), w));
  assert.equal(cast(grad(loss)(w), "float32").item(), 6);
});

test("customVjp: jit computes the function once, and its inside is not kept apart", () => {
  const text = String(makeGraph(jit(grad((x: Tensor) => sum(straightThrough(x)))))(zeros([2])));
  assert.match(text, /round/);
  const f = jit((x: Tensor) => straightThrough(straightThrough(x)));
  assert.deepEqual(f(tensor([0.7, 1.2])).toArray(), [1, 1]);
});

test("customVjp: runs eagerly on known values", () => {
  const branching = customVjp((x: Tensor) => x.item() > 0 ? mul(x, 2) : x, {
    forward: (x) => [x.item() > 0 ? mul(x, 2) : x, { positive: x.item() > 0 }],
    backward: ({ positive }, cotangent) => [positive ? mul(cotangent, 20) : cotangent],
  });
  assert.equal(branching(tensor(3)).item(), 6);
  assert.equal(grad(branching)(tensor(3)).item(), 20);
  assert.equal(grad(branching)(tensor(-3)).item(), 1);
  assert.throws(() => jit(branching)(tensor(3)), TracedValueError);
});

test("customVjp: jvp has no use for the rule, and says so where the tangent matters", () => {
  const x = tensor([0.3, 0.9]);
  const message = /^DifferentiationError: jvp: staircase has a derivative of its own/;
  const staircase = customVjp(function staircase(x: Tensor) {
    return round(x);
  }, { forward: (x) => [round(x), null], backward: (_, cotangent) => [cotangent] });
  assert.throws(() => jvp((x: Tensor) => sum(staircase(x)), [x], [x]), message);
  assert.throws(() => jvp((x: Tensor) => jit(staircase)(x), [x], [x]), message);
  // What has no derivative anyway is no obstacle.
  const [, tangent] = jvp(
    (x: Tensor) => mul(x, cast(equal(staircase(x), 1), "float32")),
    [x],
    [x],
  );
  assertSameBits(tangent, tensor([0, 0.9]));
});

test("customVjp: closing over what a transformation traces is refused", () => {
  const closing = (outer: Tensor) =>
    customVjp(function closing(y: Tensor) {
      return mul(outer, y);
    }, {
      forward: (y) => [mul(outer, y), outer],
      backward: (outer, cotangent) => [mul(outer, cotangent)],
    });
  const x = tensor([1, 2]);
  const message = (by: string) =>
    new RegExp(`^DifferentiationError: customVjp: closing closes over a tensor that ${by} traces`);
  assert.throws(() => grad((x: Tensor) => sum(closing(x)(x)))(x), message("grad"));
  assert.throws(() => grad((x: Tensor) => sum(closing(x)(tensor([3, 4]))))(x), message("grad"));
  assert.throws(() => vmap((x: Tensor) => closing(x)(x))(x), message("vmap"));
  assert.throws(() => jvp((x: Tensor) => closing(x)(tensor([3, 4])), [x], [x]), message("jvp"));
  // jit keeps what is closed over, but its derivative outside is gone with it.
  const jitted = jit((x: Tensor, y: Tensor) => sum(closing(x)(y)));
  assert.equal(jitted(x, tensor([3, 4])).item(), 11);
  assert.throws(() => grad(jitted)(x, tensor([3, 4])), message("grad"));
  assert.throws(() => grad(jitted, { argnums: 1 })(x, tensor([3, 4])), message("jit"));
  // Inside of it, and over concrete tensors, it is fine.
  const inside = jit((x: Tensor, y: Tensor) => grad((y: Tensor) => sum(closing(x)(y)))(y));
  assert.deepEqual(inside(x, tensor([3, 4])).toArray(), [1, 2]);
  assert.deepEqual(grad((y: Tensor) => sum(closing(x)(y)))(tensor([3, 4])).toArray(), [1, 2]);
});

test("customVjp: a backward that closes over the traced argument is refused", () => {
  const f = (x: Tensor) =>
    customVjp((y: Tensor) => mul(y, 2), {
      forward: (y) => [mul(y, 2), null],
      backward: (_, cotangent) => [mul(cotangent, x)],
    })(x);
  const message = /closes over a tensor that grad traces.* pass the tensor as an argument$/;
  assert.throws(() => grad(f)(tensor(1)), { name: "DifferentiationError", message });
  assert.throws(() => jit(grad(f))(tensor(1)), { name: "DifferentiationError", message });
  // What backward does wrong itself is told as it is.
  const reads = (x: Tensor) =>
    customVjp((y: Tensor) => mul(y, 2), {
      forward: (y) => [mul(y, 2), null],
      backward: (_, cotangent) => [mul(cotangent, x.item())],
    })(x);
  assert.throws(() => jit(grad(reads))(tensor(1)), TracedValueError);
  assert.throws(
    () =>
      grad((x: Tensor) =>
        grad((y: Tensor) =>
          mul(
            customVjp((y: Tensor) => y, {
              forward: (y) => [y, null],
              backward: (_, cotangent) => [mul(cotangent, x)],
            })(y),
            y,
          )
        )(tensor(2))
      )(tensor(1)),
    DifferentiationError,
  );
});

test("customVjp: what backward gives must fit the arguments", () => {
  const withBackward = (given: unknown) =>
    customVjp(function f(p: { a: Tensor; b: readonly Tensor[] }, x: Tensor) {
      return mul(mul(p.a, p.b[0]!), x);
    }, {
      forward: (p, x) => [mul(mul(p.a, p.b[0]!), x), null],
      backward: () => given as never,
    });
  const args = [{ a: tensor([1, 2]), b: [tensor(3)] }, tensor([4, 5])] as const;
  const run = (given: unknown) => () =>
    grad((p: typeof args[0], x: Tensor) => sum(withBackward(given)(p, x)))(...args);
  const good = { a: zeros([2]), b: [zeros([])] };
  const x = zeros([2]);
  run([good, x])();
  const cases: [unknown, new (...a: never[]) => Error, RegExp][] = [
    [good, TreeError, /backward of f returned an object; expected an array .* each argument \(2\)/],
    [[good], TreeError, /returned an array of 1/],
    [[x, x], TreeError, /the cotangent of argument 0 .* is a Tensor; expected an object, or null/],
    [
      [{ a: x }, x],
      TreeError,
      /argument 0 \(from backward of f\)\.b is undefined; expected an array of 1/,
    ],
    [[{ ...good, c: x }, x], TreeError, /key "c"; expected only a, b/],
    [[{ ...good, b: [] }, x], TreeError, /\.b is an array of 0; expected 1 elements/],
    [[{ ...good, b: [1] }, x], TreeError, /\.b\[0\] is 1; expected a tensor, or null for zero/],
    [[good, tensor(1)], ShapeError, /argument 1 .* is float32\[\]; expected float32\[2\]/],
    [[good, cast(x, "float64")], DTypeError, /is float64\[2\]; expected float32\[2\]/],
  ];
  for (const [given, kind, message] of cases) {
    assert.throws(
      run(given),
      (error: Error) => error instanceof kind && message.test(error.message),
    );
  }
});

test("customVjp: what the function and forward give must be the same kind of thing", () => {
  const make = (pair: unknown) =>
    customVjp((x: Tensor) => mul(x, 2), { forward: () => pair as never, backward: () => [null] });
  const x = tensor([1, 2]);
  const differentiate = (pair: unknown) => () => grad((x: Tensor) => sum(make(pair)(x)))(x);
  assert.throws(
    differentiate(x),
    /^TreeError: customVjp: forward of .* returned a Tensor; expected \[result, residuals\]/,
  );
  assert.throws(
    differentiate([1, null]),
    /^TreeError: customVjp: the result is 1; expected a tensor/,
  );
  assert.throws(differentiate(Promise.resolve(1)), /async/);
  // Both run where a transformation around them sees the value.
  const nested = (pair: unknown) => () => jit(grad((x: Tensor) => sum(make(pair)(x))))(x);
  assert.throws(nested([[x], null]), TreeError);
  assert.throws(nested([tensor(1), null]), ShapeError);
  assert.throws(nested([cast(x, "int32"), null]), DTypeError);
});

test("customVjp: arguments and results are trees of tensors", () => {
  const f = customVjp((x: Tensor) => x, { forward: (x) => [x, null], backward: () => [null] });
  assert.throws(() => f(3 as unknown as Tensor), /^TreeError: customVjp: argument 0 is 3/);
  const g = customVjp((_x: Tensor) => 1 as unknown as Tensor, {
    forward: (x) => [x, null],
    backward: () => [null],
  });
  assert.throws(() => g(tensor(1)), /^TreeError: customVjp: the result is 1/);
});
