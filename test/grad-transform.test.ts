import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  add,
  cast,
  DifferentiationError,
  DTypeError,
  exp,
  grad,
  greater,
  jit,
  jvp,
  log,
  matmul,
  mean,
  mul,
  neg,
  OptionError,
  ShapeError,
  sin,
  stopGradient,
  sub,
  sum,
  tanh,
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
import { checkDerivatives } from "./support/derivatives.ts";
import { assertClose, assertSameBits, elementsOf, uniformTensor } from "./support/tensors.ts";

const scalar = (value: number) => tensor(value, { dtype: "float64" });
type ScalarFunction = (x: Tensor) => Tensor;

test("grad: any order, and orders of sin go round", () => {
  let f: ScalarFunction = sin;
  const expected = [Math.sin(0.7), Math.cos(0.7), -Math.sin(0.7), -Math.cos(0.7), Math.sin(0.7)];
  for (const value of expected) {
    assertClose([f(scalar(0.7)).item()], [value], 1e-15);
    assertClose([jit(f)(scalar(0.7)).item()], [value], 1e-15);
    f = grad(f);
  }
});

test("grad: perturbations of nested derivatives are not confused", () => {
  // d/dx (x * d/dy (x + y)) = 1, and 2 if the inner derivative took x for y.
  const inner = (x: Tensor) => (derive: (f: ScalarFunction) => ScalarFunction) =>
    mul(x, derive((y) => add(x, y))(scalar(3)));
  const forward = (f: ScalarFunction): ScalarFunction => (x) => jvp(f, [x], [scalar(1)])[1];
  const derivatives = [(f: ScalarFunction): ScalarFunction => grad(f), forward];
  for (const outside of derivatives) {
    for (const inside of derivatives) {
      assert.equal(outside((x) => inner(x)(inside))(scalar(5)).item(), 1);
      // d/dx (x * d/dy (x y) at y = x) = d/dx x^2
      assert.equal(outside((x) => mul(x, inside((y) => mul(x, y))(x)))(scalar(5)).item(), 10);
    }
  }
});

test("grad: branches on values, and loops whose length depends on them", () => {
  const f = (x: Tensor) => x.item() > 0 ? mul(x, x) : neg(x);
  assert.equal(grad(f)(scalar(3)).item(), 6);
  assert.equal(grad(f)(scalar(-3)).item(), -1);
  const halve = (x: Tensor) => {
    let y = x;
    while (y.item() > 1) y = mul(y, 0.5);
    return y;
  };
  assert.equal(grad(halve)(scalar(7)).item(), 0.125);
  assert.equal(
    grad(grad((x: Tensor) => x.toArray() === 2 ? mul(x, mul(x, x)) : x))(scalar(2)).item(),
    12,
  );
  assert.equal(jvp(f, [scalar(3)], [scalar(1)])[1].item(), 6);
  assert.throws(() => jit(grad(f))(scalar(3)), TracedValueError);
});

test("grad: data() of a value inside the function is the value", async () => {
  let reading: Promise<ArrayLike<number>> | undefined;
  grad((x: Tensor) => {
    const y = mul(x, 2);
    reading = y.data();
    return y;
  })(scalar(4));
  assert.equal((await reading!)[0], 8);
});

test("grad: trees keep their structure, and unreached leaves get zeros of their dtype", () => {
  const params = {
    b: [tensor([1, 2]), null] as const,
    a: { w: tensor([[3]], { dtype: "float64" }), unused: tensor([[1, 2]], { dtype: "float64" }) },
  };
  const gradient = grad((p: typeof params) => sum(mul(cast(p.b[0], "float64"), sum(p.a.w))))(
    params,
  );
  assert.deepEqual(Object.keys(gradient), ["a", "b"]);
  assertSameBits(gradient.b[0], tensor([3, 3]));
  assert.equal(gradient.b[1], null);
  assertSameBits(gradient.a.w, tensor([[3]], { dtype: "float64" }));
  assertSameBits(gradient.a.unused, zeros([1, 2], { dtype: "float64" }));
});

test("grad: of what ignores its argument, or returns it", () => {
  assertSameBits(grad((_x: Tensor) => tensor(1))(tensor([1, 2])), zeros([2]));
  assertSameBits(grad((x: Tensor) => sum(stopGradient(x)))(tensor([1, 2])), zeros([2]));
  assertSameBits(grad((x: Tensor) => x)(tensor(5)), tensor(1));
  assertSameBits(jit(grad((_x: Tensor) => tensor(1)))(tensor([1, 2])), zeros([2]));
});

test("grad: a leaf that is used often gets the sum", () => {
  assert.equal(grad((x: Tensor) => add(add(x, x), mul(x, x)))(scalar(3)).item(), 8);
  const shared = scalar(3);
  const [a, b] = grad((a: Tensor, b: Tensor) => mul(a, mul(b, b)), { argnums: [0, 1] })(
    shared,
    shared,
  );
  assert.deepEqual([a.item(), b.item()], [9, 18]);
});

test("grad: argnums picks arguments, in its order", () => {
  const f = (a: Tensor, _name: string, b: Tensor) => mul(a, mul(b, b));
  const [a, b] = [scalar(2), scalar(3)];
  assert.equal(grad(f)(a, "x", b).item(), 9);
  assert.equal(grad(f, { argnums: 2 })(a, "x", b).item(), 12);
  assert.deepEqual(grad(f, { argnums: [2, 0] })(a, "x", b).map((g) => g.item()), [12, 9]);
  assert.deepEqual(grad(f, { argnums: [2] })(a, "x", b).map((g) => g.item()), [12]);
  for (const argnums of [-1, 0.5, [], [0, 0], [0, -1]]) {
    assert.throws(() => grad(f as never, { argnums } as never), OptionError);
  }
  assert.throws(
    () => grad(f, { argnums: 2 as 0 })(...([a] as never as [Tensor, string, Tensor])),
    OptionError,
  );
});

test("grad: aux is any tree, given back without its trace", () => {
  const f = (x: Tensor) => [sum(mul(x, x)), { twice: mul(x, 2), name: "aux", x }] as const;
  const x = tensor([1, 2]);
  const [gradient, aux] = grad(f, { hasAux: true })(x);
  assert.deepEqual(gradient.toArray(), [2, 4]);
  const [[value, sameAux], sameGradient] = valueAndGrad(f, { hasAux: true })(x);
  assert.equal(value.item(), 5);
  assertSameBits(sameGradient, gradient);
  for (const { twice, name, x: inner } of [aux, sameAux]) {
    assert.equal(name, "aux");
    assert.equal(String(twice), "Tensor float32[2] [2, 4]");
    assert.equal(String(inner), "Tensor float32[2] [1, 2]");
    assert.deepEqual(add(twice, 1).toArray(), [3, 5]);
  }
  const outer = grad((x: Tensor) => sum(grad(f, { hasAux: true })(x)[1].twice))(x);
  assert.deepEqual(outer.toArray(), [2, 2], "an outer derivative goes on through aux");
  assert.throws(
    () => grad(((x: Tensor) => sum(x)) as never, { hasAux: true })(x),
    /grad: hasAux is set, but the function returned a Tensor; expected \[loss, aux\]/,
  );
});

test("valueAndGrad: the value and the gradient of one run", () => {
  let calls = 0;
  const f = (x: Tensor) => {
    calls++;
    return sum(mul(x, x));
  };
  const [value, gradient] = valueAndGrad(f)(tensor([3, 4]));
  assert.deepEqual([value.item(), gradient.toArray(), calls], [25, [6, 8], 1]);
  assert.equal(String(value), "Tensor float32[] 25");
});

test("grad: the dtype of the gradient is the leaf's", () => {
  for (const dtype of ["float32", "float64"] as const) {
    const x = tensor([0.1, 0.2], { dtype });
    assert.equal(grad((x: Tensor) => sum(mul(x, x)))(x).dtype, dtype);
  }
  const mixed = grad((x: Tensor) => sum(cast(mul(x, 3), "float64")))(tensor([1, 2]));
  assertSameBits(mixed, tensor([3, 3]));
  const third = grad((x: Tensor) => sum(mul(cast(x, "float64"), 1 / 3)))(tensor([1]));
  assertSameBits(third, tensor([Math.fround(1 / 3)]));
});

test("grad: bfloat16 leaves, used once and twice", () => {
  const x = tensor([1, 2], { dtype: "bfloat16" });
  const wide = (x: Tensor) => cast(x, "float32");
  const once = grad((x: Tensor) => {
    const y = wide(x);
    return sum(mul(y, y));
  })(x);
  assertSameBits(once, tensor([2, 4], { dtype: "bfloat16" }));
  assertSameBits(grad((x: Tensor) => sum(mul(wide(x), wide(x))))(x), once);
});

test("grad: with jit inside and outside, and vmap", () => {
  const f = (x: Tensor) => sum(tanh(mul(x, x)));
  const x = uniformTensor([3], 1);
  const expected = grad(f)(x);
  assertSameBits(jit(grad(f))(x), expected);
  assertSameBits(grad(jit(f))(x), expected);
  assertSameBits(jit(grad(jit(f)))(x), expected);
  const second = grad((x: Tensor) => sum(grad(f)(x)))(x);
  assertSameBits(jit(grad((x: Tensor) => sum(jit(grad(f))(x))))(x), second);
  const batch = uniformTensor([4, 3], 2);
  assertSameBits(vmap(grad(f))(batch), grad((b: Tensor) => sum(vmap(f)(b)))(batch));
});

test("vjp: pulls back any number of times, also through traces", () => {
  const f = ({ a, b }: { a: Tensor; b: Tensor }) => [mul(a, b), add(a, b)] as const;
  const [value, pullback] = vjp(f, { a: tensor([1, 2]), b: tensor([3, 4]) });
  assert.deepEqual(value.map((x) => x.toArray()), [[3, 8], [4, 6]]);
  for (let call = 0; call < 2; call++) {
    const [{ a, b }] = pullback([tensor([1, 10]), tensor([0, 0])]);
    assert.deepEqual([a.toArray(), b.toArray()], [[3, 40], [1, 20]]);
  }
  const jacobian = vmap((c: Tensor) => pullback([c, tensor([0, 0])])[0].a)(
    tensor([[1, 0], [0, 1]]),
  );
  assert.deepEqual(jacobian.toArray(), [[3, 0], [0, 4]]);
});

test("vjp, jvp: cotangents and tangents must look like what they belong to", () => {
  const x = tensor([1, 2]);
  const [, pullback] = vjp((x: Tensor) => ({ y: mul(x, 2) }), x);
  assert.throws(
    () => pullback({ y: tensor([1]) }),
    /the cotangent\.y is float32\[1\]; expected float32\[2\]/,
  );
  assert.throws(() => pullback({ y: tensor([1, 2], { dtype: "float64" }) }), DTypeError);
  assert.throws(() => pullback({} as never), /no key "y"/);
  const f = (x: Tensor) => mul(x, 2);
  assert.throws(() => jvp(f, [x], [tensor([1])]), ShapeError);
  assert.throws(() => jvp(f, [x], [tensor([1, 2], { dtype: "float64" })]), DTypeError);
  assert.throws(() => jvp(f, [x], [[x]] as never), TreeError);
});

test("jvp: results that do not depend on the input have tangent 0", () => {
  const [value, tangent] = jvp((x: Tensor) => [x, tensor([7])], [tensor([1, 2])], [tensor([3, 4])]);
  assert.deepEqual(value.map((x) => x.toArray()), [[1, 2], [7]]);
  assert.deepEqual(tangent.map((x) => x.toArray()), [[3, 4], [0]]);
});

test("grad, vjp, jvp: wrong arguments are refused with their path", () => {
  const sumOf = ({ a }: { a: Tensor[] }) => sum(a[0]!);
  const int32 = { a: [tensor([1]), tensor([1], { dtype: "int32" })] };
  const isPath = (error: unknown) =>
    error instanceof DifferentiationError && /argument 0\.a\[1\] is int32\[1\]/.test(error.message);
  assert.throws(() => grad(sumOf)(int32), isPath);
  assert.throws(() => vjp(sumOf, int32), isPath);
  assert.throws(() => jvp(sumOf, [int32], [int32]), isPath);
  assert.throws(() => grad(sumOf)({ a: [tensor([true])] }), DifferentiationError);
  const number = { a: [tensor([1]), 3 as unknown as Tensor] };
  assert.throws(
    () => grad(sumOf)(number),
    (error) => error instanceof TreeError && /^grad: argument 0\.a\[1\] is 3; /.test(error.message),
  );
  assert.throws(() => valueAndGrad(sumOf)(number), /^TreeError: valueAndGrad/);
});

test("grad: wrong results are refused", () => {
  const x = tensor([1, 2]);
  assert.throws(() => grad((x: Tensor) => x)(x), ShapeError);
  assert.throws(() => grad((x: Tensor) => x.reshape([2, 1]).sum({ axis: 0 }))(x), /float32\[1\]/);
  assert.throws(() => grad((_x: Tensor) => 3 as unknown as Tensor)(x), DifferentiationError);
  assert.throws(() => grad((x: Tensor) => cast(sum(x), "int32"))(x), DifferentiationError);
  assert.throws(
    () => grad((x: Tensor) => [sum(x), 1] as unknown as Tensor)(x),
    DifferentiationError,
  );
  assert.throws(
    () => grad((x: Tensor) => Promise.resolve(sum(x)) as unknown as Tensor)(x),
    /async/,
  );
});

test("grad: a tensor that outlived its trace is refused, a returned one too", () => {
  let kept: Tensor | undefined;
  grad((x: Tensor) => {
    kept = mul(x, 2);
    return x;
  })(scalar(1));
  const leaked = kept!;
  const isLeak = /Traced<grad> float64\[\] was kept after grad had finished/;
  assert.throws(() => add(leaked, 1), isLeak);
  assert.throws(() => grad((x: Tensor) => mul(x, leaked))(scalar(1)), isLeak);
  assert.throws(() => grad((_x: Tensor) => leaked)(scalar(1)), isLeak);
  assert.throws(() => jvp((_x: Tensor) => leaked, [scalar(1)], [scalar(1)]), isLeak);
});

test("grad: an error inside the function leaves nothing behind", () => {
  assert.throws(() =>
    grad((_x: Tensor) => {
      throw new RangeError("mine");
    })(scalar(1)), RangeError);
  assert.equal(grad((x: Tensor) => mul(x, x))(scalar(1)).item(), 2);
  assert.equal(add(scalar(1), 1).item(), 2);
});

test("grad: of where, the part that is not chosen gets nothing", () => {
  const f = (x: Tensor) => sum(where(greater(x, 0), mul(x, x), mul(x, 3)));
  assert.deepEqual(grad(f)(tensor([-1, 2])).toArray(), [3, 4]);
  const g = (a: Tensor, b: Tensor) => sum(where(tensor([[true], [false]]), a, b));
  const [a, b] = grad(g, { argnums: [0, 1] })(tensor([1, 2, 3]), tensor(4));
  assert.deepEqual([a.toArray(), b.toArray()], [[1, 1, 1], 3]);
});

test("grad: on another device than the default", () => {
  const x = tensor([1, 2], { device: "reference" });
  const gradient = grad((p: { x: Tensor; y: Tensor }) => sum(mul(p.x, p.x)))({ x, y: x });
  assert.deepEqual([gradient.x.device, gradient.y.device], ["reference", "reference"]);
  assert.deepEqual(gradient.x.toArray(), [2, 4]);
});

test("grad: of a small network, against differences", () => {
  const layer = (w: Tensor, b: Tensor, x: Tensor) => tanh(add(matmul(x, w), b));
  const loss = (w: Tensor, b: Tensor, v: Tensor) => {
    const x = uniformTensor([5, 3], 9);
    const y = sub(matmul(layer(w, b, x), v), uniformTensor([5, 1], 8));
    return add(mean(mul(y, y)), log(sum(exp(w))));
  };
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const inputs = [[3, 4], [4], [4, 1]].map((shape, i) => uniformTensor(shape, seed + i));
      checkDerivatives(loss, inputs, seed);
    }),
    { numRuns: 20 },
  );
});

test("grad: float32 agrees with float64 to its own precision", () => {
  const f = (x: Tensor) => sum(mul(tanh(x), exp(mul(x, -0.5))));
  const x = uniformTensor([50], 4);
  const narrow = grad(f)(cast(x, "float32"));
  assertClose(elementsOf(narrow), elementsOf(grad(f)(x)), 1e-6);
});
