import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  add,
  customKernel,
  type CustomKernelOptions,
  DeviceError,
  DifferentiationError,
  div,
  DTypeError,
  explain,
  grad,
  jit,
  jvp,
  KernelError,
  makeGraph,
  matmul,
  mul,
  ones,
  OptionError,
  ShapeError,
  square,
  stack,
  stopGradient,
  sum,
  take,
  type Tensor,
  tensor,
  TreeError,
  vmap,
  zeros,
} from "../mod.ts";
import { product, rowConstants, rowData, rowKernels } from "./support/custom-kernels.ts";
import { assertClose, assertSameBits, elementsOf, uniformTensor } from "./support/tensors.ts";

const devices = ["cpu", "reference"];

const cube = customKernel(
  function cube(x) {
    return x[this.thread.x]! * x[this.thread.x]! * x[this.thread.x]!;
  },
  {
    inputs: [{ rank: 1 }],
    output: (x) => x,
    // By way of its own result, which carries its derivative too.
    backward: (cotangent, [x], output) => [mul(cotangent, div(mul(output, 3), x))],
  },
);

test("customKernel: a matrix product is one, of any extents", () => {
  const extent = fc.integer({ min: 0, max: 5 });
  fc.assert(
    fc.property(extent, extent, extent, fc.nat(), (m, k, n, seed) => {
      // Whole numbers, so that no order of adding them matters.
      const draw = (shape: number[], seed: number) =>
        uniformTensor(shape, seed, -9, 9, "float32").cast("int32").cast("float32");
      const [a, b] = [draw([m, k], seed), draw([k, n], seed + 1)];
      assertSameBits(add(product(a, b), 0), matmul(a, b));
      assertSameBits(jit(product)(a, b), product(a, b));
    }),
  );
});

test("customKernel: functions run as they stand, on every device alike", () => {
  for (const [name, f] of Object.entries(rowKernels)) {
    const kernel = customKernel(f, {
      name,
      inputs: [{ rank: 1 }],
      output: (x) => x,
      constants: rowConstants,
    });
    const x = Float32Array.from(rowData);
    const expected = x.map((_, i) =>
      f.call(
        {
          thread: { x: i, y: 0, z: 0 },
          output: { x: x.length, y: 1, z: 1 },
          constants: rowConstants,
        },
        x,
      )
    );
    for (const device of devices) {
      assertSameBits(kernel(tensor(x, { device })), tensor(expected), `${name} on ${device}`);
    }
  }
});

test("customKernel: positions count along the axes of the result, the last one first", () => {
  const position = customKernel(
    function () {
      return this.thread.z * 100 + this.thread.y * 10 + this.thread.x;
    },
    { inputs: [], output: [2, 3, 4] },
  );
  const result = position();
  assert.equal(result.device, "cpu");
  assert.deepEqual(result.shape, [2, 3, 4]);
  assert.deepEqual(elementsOf(result).slice(0, 6), [0, 1, 2, 3, 10, 11]);
  assert.equal(elementsOf(result)[23], 123);
  const extents = customKernel(
    function (x) {
      return this.output.x + this.output.y * 10 + this.output.z * 100 + x[0]![0]!.length * 1000 +
        x[0]!.length * 1e4 + x.length * 1e5;
    },
    { inputs: [{ rank: 3 }], output: [] },
  );
  assert.equal(extents(zeros([2, 3, 4])).item(), 234111);
});

test("customKernel: without inputs it computes on the device that was asked for, in jit on that of the program", () => {
  const position = (device?: string) =>
    customKernel(
      function () {
        return this.thread.x;
      },
      { inputs: [], output: [3], ...(device !== undefined && { device }) },
    );
  const there = position("reference")();
  assert.equal(there.device, "reference");
  assert.deepEqual(there.toArray(), [0, 1, 2]);
  const x = ones([3], { device: "reference" });
  const shifted = jit((x: Tensor) => add(x, position()()));
  assert.equal(shifted(x).device, "reference");
  assert.deepEqual(shifted(x).toArray(), [1, 2, 3]);
  assert.throws(() => position("nowhere")(), DeviceError);
});

test("customKernel: inputs of all ranks, numbers, and no elements", () => {
  const pick = customKernel(
    function (a, b, c, d) {
      return a + b[1]! + c[1]![0]! + d[0]![1]![2]!;
    },
    { inputs: [{ rank: 0 }, { rank: 1 }, { rank: 2 }, { rank: 3 }], output: [2] },
  );
  const d = tensor([[[1, 2, 3], [4, 5, 6]]]);
  const args = [tensor([10, 20]), tensor([[1, 2], [300, 4]]), d] as const;
  assert.deepEqual(pick(1, ...args).toArray(), [327, 327]);
  assert.deepEqual(pick(tensor(1), ...args).toArray(), [327, 327]);
  assert.deepEqual(jit((k: Tensor) => pick(mul(k, 1), ...args))(tensor(2)).toArray(), [328, 328]);
  assert.deepEqual(jit(() => pick(2, ...args))().toArray(), [328, 328]);
  const twice = customKernel(function (x) {
    return x[this.thread.x]! * 2;
  }, { inputs: [{ rank: 1 }], output: (x) => x });
  assert.deepEqual(twice(zeros([0])).shape, [0]);
});

test("customKernel: results are rounded to float32, and NaN and infinities stay", () => {
  const third = customKernel(function (x) {
    return x[this.thread.x]! / 3;
  }, { inputs: [{ rank: 1 }], output: (x) => x });
  const x = [1, 1e38, -0, NaN, Infinity, -Infinity];
  assertSameBits(third(tensor(x)), tensor(Float32Array.from(x, (v) => Math.fround(v) / 3)));
});

test("customKernel: in jit it is one kernel among others, with its name", () => {
  const f = jit((a: Tensor, b: Tensor) => add(product(mul(a, 2), b), 1));
  const [a, b] = [tensor([[1, 2], [3, 4]]), tensor([[5], [6]])];
  assert.deepEqual(f(a, b).toArray(), [[35], [79]]);
  const kernels = explain(f, a, b).kernels.map(({ op, computes, bytesRead, bytesWritten }) => ({
    op,
    computes,
    bytesRead,
    bytesWritten,
  }));
  assert.deepEqual(kernels[1], {
    op: "customKernel",
    computes: ["product"],
    bytesRead: 24,
    bytesWritten: 8,
  });
  assert.equal(kernels.length, 3);
});

test("customKernel: equal text with equal constants is one kernel, and others are not", () => {
  const make = (k: number) =>
    customKernel(function (x) {
      return x[this.thread.x]! * this.constants.k;
    }, { inputs: [{ rank: 1 }], output: (x) => x, constants: { k }, name: "times" });
  const both = (one: number, other: number) => (x: Tensor) => add(make(one)(x), make(other)(x));
  const x = tensor([1, 2]);
  assert.deepEqual(jit(both(2, 3))(x).toArray(), [5, 10]);
  const count = (f: (x: Tensor) => Tensor) => explain(jit(f), x).instructions.simplified;
  assert.deepEqual([count(both(2, 2)), count(both(2, 3))], [2, 3]);
});

test("customKernel: a graph prints its text on one line", () => {
  const lines = String(makeGraph(product)(zeros([1, 2]), zeros([2, 1]))).split("\n");
  assert.equal(lines.length, 4);
  assert.match(
    lines[1]!,
    /^ {2}%2: float32\[1, 1\] = customKernel %0 %1 \{name: product, shape: \[1, 1\]/,
  );
  // The rest is as whoever compiled this file left it.
  assert.match(lines[1]!, /source: "function product/);
});

test("customKernel: backward is its derivative, of any order", () => {
  const [a, b] = [
    uniformTensor([2, 3], 1, -1, 1, "float32"),
    uniformTensor([3, 2], 2, -1, 1, "float32"),
  ];
  const first = (f: typeof product) => (a: Tensor, b: Tensor) => sum(square(f(a, b)));
  const second = (f: typeof product) => (a: Tensor, b: Tensor) =>
    sum(square(grad(first(f), { argnums: 1 })(a, b)));
  for (const loss of [first, second]) {
    const expected = grad(loss(matmul as typeof product), { argnums: [0, 1] })(a, b);
    const ways = [
      grad(loss(product), { argnums: [0, 1] })(a, b),
      jit(grad(loss(product), { argnums: [0, 1] }))(a, b),
      grad(jit(loss(product)), { argnums: [0, 1] })(a, b),
    ];
    for (const actual of ways) {
      actual.forEach((each, i) => assertClose(elementsOf(each), elementsOf(expected[i]!), 1e-5));
    }
  }
  // d/dx x^3 and d2/dx2 x^3, where backward uses the result.
  const x = tensor([0.5, 2]);
  const derivative = (x: Tensor) => grad((x: Tensor) => sum(cube(x)))(x);
  assertClose(elementsOf(derivative(x)), [0.75, 12], 1e-6);
  assertClose(elementsOf(grad((x: Tensor) => sum(derivative(x)))(x)), [3, 12], 1e-5);
});

test("customKernel: without backward there is no derivative, and jvp has none at all", () => {
  const double = customKernel(function double(x) {
    return x[this.thread.x]! * 2;
  }, { inputs: [{ rank: 1 }], output: (x) => x });
  const x = tensor([1, 2]);
  const message =
    /^DifferentiationError: customKernel: double has no derivative; .* option backward/;
  assert.throws(() => grad((x: Tensor) => sum(double(x)))(x), message);
  assert.throws(() => grad(jit((x: Tensor) => sum(double(x))))(x), message);
  assert.throws(() => jvp(double, [x], [x]), message);
  assert.deepEqual(grad((x: Tensor) => sum(mul(x, double(stopGradient(x)))))(x).toArray(), [2, 4]);
  assert.throws(
    () => jvp(cube, [x], [x]),
    /jvp: cube has a derivative of its own, made by customKernel/,
  );
});

test("customKernel: vmap runs it once for each example", () => {
  const [a, b] = [
    uniformTensor([3, 2, 3], 1, -1, 1, "float32"),
    uniformTensor([3, 2], 2, -1, 1, "float32"),
  ];
  const each = [0, 1, 2].map((i) => product(take(a, tensor(i, { dtype: "int32" })), b));
  assertSameBits(vmap(product, { inAxes: [0, null] })(a, b), stack(each));
  assertSameBits(jit(vmap(product, { inAxes: [0, null] }))(a, b), stack(each));
  const loss = (b: Tensor) =>
    sum(vmap((a: Tensor, b: Tensor) => product(a, b), { inAxes: [0, null] })(a, b));
  const expected = grad((b: Tensor) => sum(matmul(a, b)))(b);
  assertClose(elementsOf(grad(loss)(b)), elementsOf(expected), 1e-6);
  assert.deepEqual(vmap(product, { inAxes: [0, null] })(zeros([0, 2, 3]), b).shape, [0, 2, 2]);
});

test("customKernel: wrong arguments are refused", () => {
  const [a, b] = [zeros([1, 2]), zeros([2, 1])];
  assert.throws(
    () => (product as (...x: Tensor[]) => Tensor)(a),
    /^OptionError: customKernel: product is given 1 inputs; expected 2/,
  );
  assert.throws(
    () => product(a, zeros([2])),
    /^ShapeError: customKernel: input 1 of product is float32\[2\]; expected rank 2/,
  );
  assert.throws(
    () => product(a, zeros([2, 1], { dtype: "int32" })),
    /^DTypeError: customKernel: input 1 of product is int32\[2, 1\]; expected float32: cast it/,
  );
  assert.throws(() => product(a, b.cast("float64")), DTypeError);
  assert.throws(() => product(a, "b" as unknown as Tensor), DTypeError);
});

test("customKernel: wrong options are refused", () => {
  const make = (options: Partial<CustomKernelOptions<[{ rank: 1 }], { k: number }>>) =>
    customKernel(function f(x) {
      return x[this.thread.x]! * this.constants.k;
    }, { inputs: [{ rank: 1 }], output: (x) => x, constants: { k: 1 }, ...options });
  const x = tensor([1]);
  assert.throws(
    () => make({ inputs: [{ rank: 4 }] as never }),
    /^OptionError: customKernel: the rank of input 0 of f is 4/,
  );
  assert.throws(() => make({ inputs: 3 as never }), OptionError);
  assert.throws(
    () => make({ inputs: [{ rank: 1, dtype: "int32" }] as never }),
    /^OptionError: customKernel: unknown option "dtype" of input 0 of f; expected one of rank$/,
  );
  for (const [input, text] of [[null, "null"], [1, "1"], [[1], "an array"]] as const) {
    assert.throws(
      () => make({ inputs: [input] as never }),
      new RegExp(
        `^OptionError: customKernel: input 0 of f is ${text}; expected an object, as \\{ rank`,
      ),
    );
  }
  // A hole.
  assert.throws(() => make({ inputs: new Array(1) as never }), /input 0 of f is undefined/);
  assert.throws(
    () => make({ inputs: [{ rank: "1" }] as never }),
    /the rank of input 0 of f is "1"; expected 0, 1, 2 or 3/,
  );
  const bare = customKernel as (f: () => number, options?: unknown) => unknown;
  assert.throws(
    () => bare(() => 1),
    /^OptionError: customKernel: options is undefined; expected an object, as \{ inputs: /,
  );
  assert.throws(() => bare(() => 1, null), OptionError);
  assert.throws(
    () => make({ backwards: () => [null] } as never),
    /^OptionError: customKernel: unknown option "backwards"; expected one of inputs, output, constants, name, device, backward$/,
  );
  assert.throws(
    () => make({ output: undefined as never }),
    /^OptionError: customKernel: output of f is undefined; expected a shape, or a function/,
  );
  assert.throws(
    () => make({ backward: true as never }),
    /^OptionError: customKernel: backward of f is true; expected a function/,
  );
  assert.throws(
    () => make({ name: 3 as never }),
    /^OptionError: customKernel: name is 3; expected a string/,
  );
  assert.throws(
    () => make({ name: "" }),
    /^OptionError: customKernel: name is ""; expected a string/,
  );
  for (const constants of [null, [1], new Map()] as never[]) {
    assert.throws(
      () => make({ constants }),
      /^OptionError: customKernel: constants of f is .*; expected an object of numbers/,
    );
  }
  assert.throws(
    () => make({ constants: 3 as never }),
    /^OptionError: customKernel: constants of f is 3; expected an object of numbers/,
  );
  assert.throws(
    () => make({ constants: { k: NaN } }),
    /^OptionError: customKernel: the constant k of f is NaN/,
  );
  assert.throws(() => make({ constants: { k: "1" as never } }), OptionError);
  assert.throws(
    () => make({ constants: { q: 1 } as never }),
    /^KernelError: customKernel: line \d of f: there is no constant k; expected one of those given: q/,
  );
  assert.throws(() => make({ output: [1.5] }), ShapeError);
  assert.throws(() => make({ output: () => [1.5] })(x), ShapeError);
  assert.throws(
    () => make({ output: [1, 1, 1, 1] }),
    /^ShapeError: .* expected up to three axes/,
  );
  assert.throws(
    () => make({ name: "mine", inputs: [] as never }),
    /line 1 of mine: x\d? is one parameter too many/,
  );
  assert.throws(
    () => make({ device: "cpu" }),
    /^OptionError: customKernel: device is "cpu", but f has inputs: it computes where they are$/,
  );
  const backward = (given: unknown) => () =>
    grad((x: Tensor) => sum(make({ backward: () => given as never })(x)))(x);
  assert.throws(
    backward(x),
    /^TreeError: customKernel: backward of f returned a Tensor; expected an array .* each input/,
  );
  assert.throws(backward([1]), TreeError);
  assert.throws(
    backward([zeros([2])]),
    /^ShapeError: customKernel: the cotangent of input 0 \(from backward of f\) is/,
  );
  assert.deepEqual(backward([null])().toArray(), [0]);
  assert.throws(
    () =>
      grad((y: Tensor) =>
        grad((x: Tensor) => sum(make({ backward: (ct) => [mul(ct, y)] })(x)))(x).sum()
      )(x),
    DifferentiationError,
  );
});

test("customKernel: functions outside of the dialect are refused when they are made", () => {
  const options = { inputs: [{ rank: 0 }], output: [] } as const;
  // From a string, which nobody compiles before.
  const closing = Function("return function closing(x) {\n  // so\n  return x * outer;\n}")();
  assert.throws(
    () => customKernel(closing, options),
    (error: Error) =>
      error instanceof KernelError && error.line === 3 &&
      /^customKernel: line 3 of closing: outer is not declared/.test(error.message) &&
      error.message.endsWith("\n    return x * outer;\n               ^"),
  );
  const { outer } = { outer: Math.random() };
  assert.throws(
    () =>
      customKernel(function (x) {
        return x * outer;
      }, options),
    KernelError,
  );
  assert.throws(() => customKernel(((x: number) => x) as never, options), /an arrow function/);
  assert.throws(
    () => customKernel(3 as never, options),
    /^KernelError: customKernel: a kernel is 3/,
  );
  assert.throws(() => customKernel(Math.abs as never, options), /a bound or built-in function/);
  const bound = function () {
    return 1;
  }.bind(null);
  assert.throws(
    () => customKernel(bound as never, options),
    /^KernelError: customKernel: line 1 of bound: a bound or built-in function, which has no text; expected function/,
  );
});

test("customKernel: nobody changes an input's shape by way of output", () => {
  const x = tensor([1, 2, 3]);
  const shapes: number[][] = [];
  const half = customKernel(function half(x) {
    return x[this.thread.x]!;
  }, {
    inputs: [{ rank: 1 }],
    output: (shape) => {
      const mine = shape as unknown as number[];
      mine[0] = 2;
      shapes.push(mine);
      return mine;
    },
  });
  const y = half(x);
  shapes[0]![0] = 7;
  assert.deepEqual([x.shape, y.shape, elementsOf(half(x))], [[3], [2], [1, 2]]);
});

test("customKernel: an index that is none gives NaN, or a row of NaN", () => {
  const values = (f: Tensor) => elementsOf(f);
  const of1 = customKernel(function of1(x) {
    const v = x[this.thread.x / 2 - 0.5]!;
    // Of undefined JavaScript would say that it is equal to itself.
    return v !== v ? -1 : v;
  }, { inputs: [{ rank: 1 }], output: [7] });
  const of2 = customKernel(function of2(x) {
    return x[this.thread.y - 1]![this.thread.x * 0.5]! + x[7]!.length;
  }, { inputs: [{ rank: 2 }], output: [3, 3] });
  const of3 = customKernel(function of3(x) {
    return x[2 - this.thread.z]![9]!.length * 10 + (isNaN(x[2 - this.thread.z]![0]![0]!) ? 1 : 0);
  }, { inputs: [{ rank: 3 }], output: [3, 1, 1] });
  const lengths = customKernel(function lengths(x) {
    return x[this.thread.x - 1]!.length + x[0.5]!.length * 10 + x.length * 100;
  }, { inputs: [{ rank: 2 }], output: [4] });
  for (const device of devices) {
    const on = (data: number[], shape: number[]) => tensor(data, { shape, device });
    assert.deepEqual(values(of1(on([5, 6, 7], [3]))), [-1, 5, -1, 6, -1, 7, -1]);
    assert.deepEqual(values(of2(on([1, 2, 3, 4], [2, 2]))), [
      ...[NaN, NaN, NaN],
      ...[3, NaN, 4],
      ...[5, NaN, 6],
    ]);
    assert.deepEqual(values(of3(on([1, 2, 3, 4], [2, 1, 2]))), [21, 20, 20]);
    assert.deepEqual(values(of1(on([], [0]))), [-1, -1, -1, -1, -1, -1, -1]);
    assert.deepEqual(values(lengths(on([1, 2, 3, 4, 5, 6], [2, 3]))), [233, 233, 233, 233]);
    assert.deepEqual(values(lengths(on([], [0, 3]))), [33, 33, 33, 33]);
  }
});
