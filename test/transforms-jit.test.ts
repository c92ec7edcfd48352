import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  add,
  cast,
  DonatedError,
  exp,
  grad,
  greater,
  jit,
  key,
  mul,
  neg,
  normal,
  ones,
  OptionError,
  reshape,
  ShapeError,
  sub,
  sum,
  tanh,
  type Tensor,
  tensor,
  TracedValueError,
  TreeError,
  vmap,
  where,
  zeros,
} from "../mod.ts";
import { randomPrograms, runProgram } from "./support/random-programs.ts";
import { assertSameBits, elementsOf } from "./support/tensors.ts";

/** A copy with memory of its own. */
const copyOf = (x: Tensor): Tensor => tensor(elementsOf(x), { shape: x.shape, dtype: x.dtype });

test("jit: random programs give the bits of eager execution, donated or not, call after call", () => {
  fc.assert(
    fc.property(randomPrograms, fc.nat({ max: 7 }), ({ program, inputs }, bits) => {
      const f = (...inputs: Tensor[]) => runProgram(program, inputs);
      const before = inputs.map(elementsOf);
      const expected = f(...inputs);
      const donate = inputs.flatMap((_, i) => (bits >> i) % 2 === 1 ? [i] : []);
      const jitted = jit(f);
      const donating = jit(f, { donate });
      for (let call = 0; call < 2; call++) {
        const actual = jitted(...inputs);
        actual.forEach((tensor, i) => assertSameBits(tensor, expected[i]!));
        const given = inputs.map((x, i) => donate.includes(i) ? copyOf(x) : x);
        donating(...given).forEach((tensor, i) => assertSameBits(tensor, expected[i]!));
        actual.forEach((tensor, i) => assertSameBits(tensor, expected[i]!, "after another call"));
      }
      inputs.forEach((x, i) => assert.deepEqual(elementsOf(x), before[i], "an input changed"));
    }),
    { numRuns: 500 },
  );
});

test("jit: gradients of random programs give the bits of eager execution", () => {
  fc.assert(
    fc.property(randomPrograms, ({ program, inputs }) => {
      const loss = (x: Tensor) => {
        const rest = inputs.slice(1);
        return runProgram(program, [cast(x, inputs[0]!.dtype), ...rest])
          .map((y) => sum(cast(y, "float32")))
          .reduce((a, b) => add(a, b));
      };
      const x = cast(inputs[0]!, "float32");
      assertSameBits(jit(grad(loss))(x), grad(loss)(x));
      assertSameBits(grad(jit(loss))(x), grad(loss)(x));
    }),
    { numRuns: 200 },
  );
});

const x = tensor([1, 2, 3]);

test("jit: the function runs once for each combination of structure, shapes, dtypes and plain values", () => {
  let calls = 0;
  const f = jit((tree: { a: Tensor; b?: Tensor | null }, option?: unknown): Tensor => {
    calls++;
    return typeof option === "number" ? mul(tree.a, option) : tree.a;
  });
  const twice = (...args: Parameters<typeof f>) => {
    const before = calls;
    f(...args);
    f(...args);
    return calls - before;
  };
  const [one, other] = [() => 1, () => 2];
  assert.equal(twice({ a: x }), 1);
  assert.equal(twice({ a: tensor([7, 8, 9]) }), 0, "other values");
  assert.equal(twice({ a: tensor([1]) }), 1, "another shape");
  assert.equal(twice({ a: tensor([1, 2, 3], { dtype: "int32" }) }), 1, "another dtype");
  assert.equal(twice({ a: tensor([1, 2, 3], { dtype: "float64" }) }), 1, "another dtype");
  assert.equal(twice({ a: x, b: x }), 1, "another structure");
  assert.equal(twice({ b: x, a: x }), 0, "keys in another order");
  assert.equal(twice({ a: x, b: null }), 1);
  assert.equal(twice({ a: x }, 1), 1);
  assert.equal(twice({ a: x }, "1"), 1, "a string is no number");
  assert.equal(twice({ a: x }, 0), 1);
  assert.equal(twice({ a: x }, -0), 1, "-0 is not 0");
  assert.equal(twice({ a: x }, NaN), 1);
  assert.equal(twice({ a: x }, true), 1);
  assert.equal(twice({ a: x }, 1n), 1);
  assert.equal(twice({ a: x }, one), 1);
  assert.equal(twice({ a: x }, other), 1, "another function");
  assert.equal(twice({ a: x }, one), 0);
  assert.equal(twice({ a: x }, { deep: ["text", 3] }), 1);
  assert.equal(twice({ a: x }, { deep: ["text", 3] }), 0, "an equal plain value");
  assert.equal(twice({ a: x }, { deep: ["text", 4] }), 1);
});

test("jit: plain values are seen as they are", () => {
  const f = jit((x: Tensor, { scale, mode }: { scale: number; mode: string }) =>
    mode === "negative" ? mul(neg(x), scale) : mul(x, scale)
  );
  assert.deepEqual(f(x, { scale: 2, mode: "negative" }).toArray(), [-2, -4, -6]);
  assert.deepEqual(f(x, { scale: 3, mode: "positive" }).toArray(), [3, 6, 9]);
});

test("jit: what is no tensor is refused where it was meant as one, and passes through in results", () => {
  assert.throws(
    () => jit((x: { data: Float32Array }) => x)({ data: new Float32Array(2) }),
    (error) => error instanceof TreeError && /argument 0\.data/.test(error.message),
  );
  const f = jit((x: Tensor) => ({ y: exp(x), name: "exp", none: null, list: [1, { z: neg(x) }] }));
  for (let call = 0; call < 2; call++) {
    const result = f(x);
    assert.equal(result.name, "exp");
    assert.equal(result.none, null);
    assert.equal(result.list[0], 1);
    assert.deepEqual((result.list[1] as { z: Tensor }).z.toArray(), [-1, -2, -3]);
    assertSameBits(result.y, exp(x));
  }
});

test("jit: a branch on a traced value throws and names the way out", () => {
  const f = jit((x: Tensor) => x.item() > 0 ? x : neg(x));
  assert.throws(() => f(tensor(1)), (error) => {
    assert.ok(error instanceof TracedValueError);
    assert.match(error.message, /^item: .*Traced<jit> float32\[\].*where\(/);
    return true;
  });
  for (const read of ["dataSync", "toArray"] as const) {
    assert.throws(() => jit((x: Tensor) => x[read]())(x), TracedValueError);
  }
  assert.deepEqual(jit((x: Tensor) => where(greater(x, 0), x, neg(x)))(tensor([-1])).toArray(), [
    1,
  ]);
});

test("jit: asynchronous reading of a traced value is refused too", async () => {
  let reading: Promise<unknown> = Promise.resolve();
  jit((x: Tensor) => {
    reading = x.data();
    return x;
  })(x);
  await assert.rejects(reading, TracedValueError);
});

test("jit: an async function is refused", () => {
  assert.throws(
    () => jit((x: Tensor) => Promise.resolve(x))(x),
    (error) => error instanceof TracedValueError && /async/.test(error.message),
  );
});

test("jit: an error inside the function reaches the caller and leaves nothing behind", () => {
  let fails = true;
  const f = jit((x: Tensor) => {
    const y = mul(x, 2);
    if (fails) throw new RangeError("mine");
    return y;
  });
  assert.throws(() => f(x), RangeError);
  assert.throws(() => jit((x: Tensor) => add(x, zeros([2])))(x), ShapeError);
  assert.deepEqual(add(x, 1).toArray(), [2, 3, 4], "eager execution goes on");
  fails = false;
  assert.deepEqual(f(x).toArray(), [2, 4, 6]);
  assert.deepEqual(grad((x: Tensor) => sum(mul(x, x)))(x).toArray(), [2, 4, 6]);
});

test("jit: constants, inputs, and results that are the same thing have memory of their own", () => {
  const constant = tensor([5, 6]);
  const f = jit((x: Tensor) => {
    const y = mul(x, 2);
    return [
      constant,
      x,
      y,
      y,
      reshape(y, [2, 1]),
      reshape(x, [2, 1]),
      tensor(3),
      ones([2]),
    ] as const;
  });
  const input = tensor([1, 2]);
  const first = f(input);
  const overwrite = jit((x: Tensor) => sub(x, 100), { donate: [0] });
  const expected = [[5, 6], [1, 2], [2, 4], [2, 4], [[2], [4]], [[1], [2]], 3, [1, 1]];
  first.forEach((tensor, i) => {
    assert.deepEqual(tensor.toArray(), expected[i]);
    overwrite(tensor);
    first.slice(i + 1).forEach((later, k) =>
      assert.deepEqual(later.toArray(), expected[i + 1 + k])
    );
  });
  assert.deepEqual(constant.toArray(), [5, 6]);
  assert.deepEqual(input.toArray(), [1, 2]);
});

test("jit: a function without arguments", () => {
  let calls = 0;
  const f = jit(() => {
    calls++;
    return { n: normal(key(1), [2]), one: tensor(1) };
  });
  assertSameBits(f().n, normal(key(1), [2]));
  assert.equal(f().one.item(), 1);
  assert.equal(calls, 1);
});

test("jit: jit in jit, with closures over outer tracers", () => {
  const inner = jit((x: Tensor, y: Tensor) => mul(x, y));
  const outer = jit((x: Tensor) => {
    const closed = jit((y: Tensor) => add(inner(x, y), x));
    return closed(closed(x));
  });
  for (const value of [2, 3]) {
    const once = value * value + value;
    assert.equal(outer(tensor(value)).item(), value * once + value);
  }
});

test("jit: closures over the tracers of grad, jvp and vmap", () => {
  const f = (w: Tensor) => {
    const scaled = jit((x: Tensor) => mul(mul(x, w), w));
    return sum(scaled(tensor([1, 2])));
  };
  assert.equal(grad(f)(tensor(3)).item(), 18);
  assert.equal(grad(grad(f))(tensor(3)).item(), 6);
  assert.deepEqual(vmap(f)(tensor([1, 2])).toArray(), [3, 12]);
  assert.deepEqual(vmap(grad(f))(tensor([1, 2])).toArray(), [6, 12]);
  assert.equal(jit(grad(jit(f)))(tensor(3)).item(), 18);
});

test("jit: a tracer that the function closes over is another one at the next call", () => {
  let w: Tensor | undefined;
  const scaled = jit((x: Tensor) => mul(x, mul(w!, w!)));
  const f = (v: Tensor) => {
    w = v;
    return sum(scaled(tensor([1, 2])));
  };
  for (const value of [2, 3]) {
    assert.equal(grad(f)(tensor(value)).item(), 6 * value);
    assert.equal(jit(f)(tensor(value)).item(), 3 * value * value);
  }
});

test("jit: one jitted function at several levels at once", () => {
  const square = jit((x: Tensor) => mul(x, x));
  const f = (x: Tensor) => sum(square(square(x)));
  assert.deepEqual(square(tensor([3])).toArray(), [9]);
  assert.deepEqual(grad(f)(tensor([2])).toArray(), [32]);
  assert.deepEqual(jit(grad(f))(tensor([2])).toArray(), [32]);
  assert.deepEqual(vmap(square)(tensor([[1], [2]])).toArray(), [[1], [4]]);
  assert.deepEqual(square(tensor([4])).toArray(), [16], "the eager program is still whole");
});

test("jit: a tensor that outlived its trace is refused", () => {
  let kept: Tensor | undefined;
  jit((x: Tensor) => {
    kept = mul(x, 2);
    return x;
  })(x);
  const leaked = kept!;
  const isLeak = (error: unknown) =>
    error instanceof TracedValueError &&
    /Traced<jit> float32\[3\] was kept after jit/.test(error.message);
  assert.throws(() => add(leaked, 1), isLeak);
  assert.throws(() => jit((x: Tensor) => add(x, leaked))(x), isLeak);
  assert.throws(() => jit(() => leaked)(), isLeak);
  assert.throws(() => leaked.item(), ShapeError);
  assert.throws(() => leaked.toArray(), TracedValueError);
});

// --- Donation ---

const decay = () =>
  jit(function decay(x: Tensor) {
    return mul(x, 0.5);
  }, { donate: [0] });

test("donation: a donated tensor is refused wherever its value would be read", async () => {
  const x = tensor([2, 4]);
  assert.deepEqual(decay()(x).toArray(), [1, 2]);
  const isDonated = (error: unknown) =>
    error instanceof DonatedError && /donated to decay/.test(error.message);
  assert.throws(() => x.toArray(), isDonated);
  assert.throws(() => x.dataSync(), isDonated);
  await assert.rejects(x.data(), isDonated);
  assert.throws(() => add(x, 1), isDonated);
  assert.throws(() => decay()(x), isDonated);
  assert.throws(() => jit((x: Tensor) => add(x, 1))(x), isDonated);
  assert.throws(() => jit((y: Tensor) => add(x, y))(tensor([1, 2])), isDonated);
  assert.throws(() => grad((y: Tensor) => sum(mul(y, x)))(tensor([1, 2])), isDonated);
  assert.equal(String(x), "Tensor float32[2] (donated to decay)");
  assert.deepEqual([x.shape, x.dtype], [[2], "float32"]);
});

test("donation: memory that is needed in two places is refused, and nothing is lost", () => {
  const f = jit((a: Tensor, b: Tensor) => [add(a, 1), add(b, 2)], { donate: [0] });
  const g = jit((a: Tensor, b: Tensor) => [add(a, 1), add(b, 2)], { donate: [0, 1] });
  const x = tensor([1, 2]);
  assert.throws(() => f(x, x), /argument 0 is donated, but is also argument 1/);
  assert.throws(() => g(x, x), DonatedError);
  assert.throws(() => jit((a: Tensor) => add(a, x), { donate: [0] })(x), /closes over/);
  assert.throws(
    () => jit(({ p, q }: { p: Tensor; q: Tensor }) => add(p, q), { donate: [0] })({ p: x, q: x }),
    /argument 0\.q is donated, but is also argument 0\.p/,
  );
  assert.deepEqual(x.toArray(), [1, 2]);
  assert.deepEqual(f(x, tensor([1, 2])).map((y) => y.toArray()), [[2, 3], [3, 4]]);
});

test("donation: a number stays what it is, given once or twice", () => {
  const f = jit((a: Tensor, b: Tensor) => [add(a, 1), add(b, 2)], { donate: [0, 1] });
  const one = jit((a: Tensor, b: Tensor) => [add(a, 1), add(b, 2)], { donate: [0] });
  const x = tensor(1);
  for (let call = 0; call < 2; call++) {
    assert.deepEqual(f(x, x).map((y) => y.item()), [2, 3]);
    assert.deepEqual(one(x, x).map((y) => y.item()), [2, 3]);
    assert.equal(x.item(), 1);
  }
});

test("donation: all of a tree is donated, and nothing else", () => {
  const step = jit(
    (params: { w: Tensor; b: Tensor }, x: Tensor) => ({ w: add(params.w, x), b: tanh(params.b) }),
    { donate: [0] },
  );
  const params = { w: tensor([1, 2]), b: tensor([0, 0]) };
  const x = tensor([1, 1]);
  assert.deepEqual(step(params, x).w.toArray(), [2, 3]);
  assert.throws(() => params.w.toArray(), DonatedError);
  assert.throws(() => params.b.toArray(), DonatedError);
  assert.deepEqual(x.toArray(), [1, 1]);
});

test("donation: a loop that feeds results back", () => {
  const step = jit((w: Tensor, m: Tensor) => {
    const next = add(mul(m, 0.5), w);
    return [sub(w, next), next] as const;
  }, { donate: [0, 1] });
  let state: readonly [Tensor, Tensor] = [tensor([1, 2]), tensor([0, 0])];
  let [w, m] = [[1, 2], [0, 0]];
  for (let i = 0; i < 5; i++) {
    state = step(...state);
    m = m.map((value, k) => value * 0.5 + w[k]!);
    w = w.map((value, k) => value - m[k]!);
  }
  assert.deepEqual(state.map((x) => x.toArray()), [w, m]);
});

test("donation: inside another transformation nothing is given away", () => {
  const f = decay();
  const x = tensor([2, 4]);
  assert.deepEqual(grad((x: Tensor) => sum(f(x)))(x).toArray(), [0.5, 0.5]);
  assert.deepEqual(jit((x: Tensor) => add(f(x), x))(x).toArray(), [3, 6]);
  const closed = tensor([20, 40]);
  assert.deepEqual(jit((x: Tensor) => add(f(closed), x))(x).toArray(), [12, 24]);
  assert.deepEqual(closed.toArray(), [20, 40]);
  assert.deepEqual(x.toArray(), [2, 4]);
});

test("donation: the same program without donation is another program", () => {
  const f = (x: Tensor) => mul(x, 3);
  const x = tensor([1]);
  jit(f, { donate: [0] })(tensor([5]));
  jit(f)(x);
  assert.deepEqual(x.toArray(), [1]);
});

test("donation: positions that name no argument are refused", () => {
  for (const donate of [[-1], [0.5], [NaN]]) {
    assert.throws(() => jit((x: Tensor) => x, { donate }), OptionError);
  }
  assert.throws(() => jit((x: Tensor) => x, { donate: [1] })(x), /argument 1, but 1 were given/);
});

test("jit: what holds tensors unseen is refused, because they would be fixed", () => {
  class Model {
    w = tensor([1]);
  }
  const calls = [new Model(), { model: new Model() }, new Map([["w", tensor([1])]]), new Date(0)];
  for (const model of calls) {
    const predict = jit((_: unknown, x: Tensor) => mul(x, 2));
    assert.throws(() => predict(model, tensor([1])), {
      name: "TreeError",
      message:
        /^jit: argument 0(\.model)? is a (Model|Map|Date); expected a tensor or a plain value/,
    });
  }
});
