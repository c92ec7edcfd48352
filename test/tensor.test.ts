import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  add,
  arange,
  type ArrayData,
  cast,
  DeviceError,
  DTypeError,
  exp,
  full,
  grad,
  jit,
  mul,
  ones,
  onesLike,
  OptionError,
  type Shape,
  ShapeError,
  Tensor,
  tensor,
  type TensorData,
  where,
  zeros,
  zerosLike,
} from "../mod.ts";
import { type DType, fromBFloat16Bits, promote, toBFloat16Bits } from "../src/core/dtype.ts";
import { SoftstepError } from "../src/core/errors.ts";
import { formatSpec, sizeOf } from "../src/core/shape.ts";
import { anyElements, anyShape } from "./support/kernel-arbitraries.ts";
import { assertSameBits } from "./support/tensors.ts";

const specOf = (data: TensorData | ArrayData, options?: { dtype?: DType; shape?: Shape }): string =>
  formatSpec(tensor(data, options));

test("tensor: shape and dtype come from the data", () => {
  assert.equal(specOf(3), "float32[]");
  assert.equal(specOf(true), "bool[]");
  assert.equal(specOf([]), "float32[0]");
  assert.equal(specOf([[], []]), "float32[2, 0]");
  assert.equal(specOf([[[1], [2]]]), "float32[1, 2, 1]");
  assert.equal(specOf([[true], [false]]), "bool[2, 1]");
  assert.equal(specOf(new Float32Array(2)), "float32[2]");
  assert.equal(specOf(new Float64Array(2)), "float64[2]");
  assert.equal(specOf(new Int32Array(2)), "int32[2]");
  assert.equal(specOf(new Uint32Array(2)), "uint32[2]");
  for (
    const array of [
      new Int8Array(2),
      new Uint8Array(2),
      new Uint8ClampedArray(2),
      new Int16Array(2),
      new Uint16Array(2),
    ]
  ) {
    assert.equal(specOf(array), "int32[2]");
  }
  assert.equal(specOf(new Float64Array(6), { shape: [2, 3], dtype: "float32" }), "float32[2, 3]");
  assert.equal(specOf([1, 2, 3, 4], { shape: [2, 2] }), "float32[2, 2]");
  assert.equal(specOf(5, { shape: [1, 1] }), "float32[1, 1]");
  assert.equal(specOf([1, 0], { dtype: "bool" }), "bool[2]");
});

test("tensor: what is no block of numbers is refused with its path", () => {
  const refused: [unknown, new (...args: never[]) => Error, RegExp][] = [
    [[[1, 2], [3]], ShapeError, /data\[1\] is 1 elements; expected 2/],
    [[[1], 2], ShapeError, /data\[1\] is 2; expected 1 elements/],
    [[1, [2]], ShapeError, /data\[1\] is an array; expected a number/],
    [[[1, 2], [3, "4"]], DTypeError, /data\[1\]\[1\] is "4"; expected a number/],
    [[1, null], DTypeError, /data\[1\] is null/],
    [new Array(2), DTypeError, /data\[0\] is undefined/],
    [[1, true], DTypeError, /mixes numbers and booleans/],
    ["1", DTypeError, /data is "1"/],
    [{}, DTypeError, /data is an object/],
    [tensor(1), DTypeError, /data is a Tensor/],
    [new BigInt64Array(1), DTypeError, /BigInt64Array/],
    [new DataView(new ArrayBuffer(4)), DTypeError, /DataView/],
  ];
  for (const [data, type, message] of refused) {
    assert.throws(() => tensor(data as TensorData), (error) => {
      assert.ok(error instanceof type, String(error));
      assert.match(error.message, message);
      return true;
    });
  }
});

test("tensor: a shape that does not fit, and what is none, are refused", () => {
  assert.throws(() => tensor([1, 2, 3], { shape: [2] }), /3 elements do not fill shape \[2\]/);
  for (const shape of [[-1], [1.5], [NaN], ["2"], 3]) {
    assert.throws(() => tensor([1], { shape: shape as Shape }), ShapeError);
    assert.throws(() => zeros(shape as Shape), ShapeError);
  }
});

test("tensor: a dtype that cannot hold an element, an unknown one and an unknown device are refused", () => {
  const refused: [number, DType][] = [
    [0.5, "int32"],
    [NaN, "int32"],
    [2 ** 31, "int32"],
    [-(2 ** 31) - 1, "int32"],
    [-1, "uint32"],
    [2 ** 32, "uint32"],
    [Infinity, "uint32"],
    [2, "bool"],
    [NaN, "bool"],
  ];
  for (const [value, dtype] of refused) {
    assert.throws(() => tensor([0, value], { dtype }), /element 1 of shape \[2\]/);
    assert.throws(() => tensor(value, { dtype }), DTypeError);
    assert.throws(() => full([2], value, { dtype }), DTypeError);
  }
  for (
    const f of [
      () => tensor(1, { dtype: "float16" as DType }),
      () => zeros([1], { dtype: "" as DType }),
    ]
  ) {
    assert.throws(f, /unknown dtype .*; expected float32/);
  }
  for (
    const f of [
      () => tensor(1, { device: "tpu" }),
      () => tensor([1], { device: "tpu" }),
      () => zeros([1], { device: "tpu" }),
    ]
  ) {
    assert.throws(
      f,
      (error) =>
        error instanceof DeviceError &&
        /unknown device "tpu"; expected one of .*cpu/.test(error.message),
    );
  }
});

test("tensor: limits of the integers are kept exactly", () => {
  const least = tensor([-(2 ** 31), 2 ** 31 - 1, -0], { dtype: "int32" });
  assert.deepEqual(least.toArray(), [-(2 ** 31), 2 ** 31 - 1, 0]);
  assert.deepEqual(tensor([0, 2 ** 32 - 1], { dtype: "uint32" }).toArray(), [0, 2 ** 32 - 1]);
});

test("tensor: elements survive the way in and out, in every dtype and shape", () => {
  const cases = fc.tuple(
    fc.constantFrom<DType>("float32", "float64", "int32", "uint32", "bool"),
    anyShape(),
  ).chain(([dtype, shape]) => anyElements(dtype, shape));
  fc.assert(fc.asyncProperty(cases, async ({ dtype, shape, values }) => {
    const x = tensor(values, { dtype, shape });
    assert.equal(x.size, sizeOf(shape));
    assert.equal(x.rank, shape.length);
    const data = x.dataSync();
    assert.deepEqual(Array.from(data), values);
    assert.deepEqual(Array.from(await x.data()), values);
    assert.deepEqual(Array.from(tensor(data, { dtype, shape }).dataSync()), values);
    const nested = x.toArray();
    if (!shape.includes(0)) assertSameBits(tensor(nested, { dtype }), x);
    const flat = ([nested].flat(Infinity as 1) as (number | boolean)[]).map(Number);
    assert.deepEqual(flat, values);
    assert.equal(x.device, "cpu");
  }));
});

test("tensor: typed arrays are copied, coming in and going out", async () => {
  const data = new Float32Array([1, 2]);
  const x = tensor(data);
  data[0] = 9;
  assert.deepEqual(x.toArray(), [1, 2]);
  (await x.data())[0] = 9;
  x.dataSync()[0] = 9;
  assert.deepEqual(x.toArray(), [1, 2]);
  const shape = [2, 1];
  const y = tensor([1, 2], { shape });
  const z = zeros(shape);
  shape[0] = 7;
  assert.deepEqual([y.shape, z.shape], [[2, 1], [2, 1]]);
  assert.deepEqual(tensor(new Float32Array([0, 1, 2, 3]).subarray(1, 3)).toArray(), [1, 2]);
});

test("tensor: data of bool and bfloat16", () => {
  const bool = tensor([true, false]);
  assert.deepEqual(bool.dataSync(), new Uint8Array([1, 0]));
  assert.deepEqual(bool.toArray(), [true, false]);
  assert.equal(tensor(true).item(), 1);
  const narrow = tensor([1, -2], { dtype: "bfloat16" });
  const copy = tensor(narrow.dataSync(), { dtype: "bfloat16" });
  assert.deepEqual(copy.toArray(), [1, -2]);
  assert.deepEqual(narrow.dataSync(), new Uint16Array([0x3f80, 0xc000]));
  assert.deepEqual(narrow.toArray(), [1, -2]);
  assert.equal(tensor(1.5, { dtype: "bfloat16" }).item(), 1.5);
});

test("tensor: item wants exactly one element", () => {
  assert.equal(tensor([[7]]).item(), 7);
  assert.throws(() => tensor([1, 2]).item(), /item: a tensor of shape \[2\] is not one element/);
  assert.throws(() => tensor([]).item(), ShapeError);
});

// --- bfloat16 ---

/** The nearest bfloat16, found by comparing exactly: between neighbours in the list of all finite ones. */
function nearestBFloat16(value: number): number {
  if (Number.isNaN(value)) return NaN;
  const magnitude = Math.abs(value);
  // Bits of positive numbers ascend with their values.
  let [low, high] = [0, 0x7f80];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (fromBFloat16Bits(middle) <= magnitude) low = middle;
    else high = middle;
  }
  // Beyond the largest one, infinity stands where the next one would.
  const above = high === 0x7f80 ? 2 ** 128 : fromBFloat16Bits(high);
  const below = fromBFloat16Bits(low);
  // Halves of neighbours, and their sum, are exact in float64.
  const tie = below / 2 + above / 2;
  const up = magnitude === Infinity || magnitude > tie || (magnitude === tie && low % 2 === 1);
  const bits = up ? high : low;
  return fromBFloat16Bits(bits) * (value < 0 || Object.is(value, -0) ? -1 : 1);
}

/** Numbers that lie between two bfloat16 numbers: at a tie, or beside it by little. */
const nearTies = fc.tuple(
  fc.integer({ min: 0, max: 0x7f7f }),
  fc.integer({ min: -3, max: 3 }),
  fc.boolean(),
)
  .map(([bits, nudge, negative]) => {
    const below = fromBFloat16Bits(bits);
    const above = bits === 0x7f7f ? 2 ** 128 : fromBFloat16Bits(bits + 1);
    const tie = below / 2 + above / 2;
    const value = tie * (1 + nudge * 2 ** -52);
    return negative ? -value : value;
  });

test("bfloat16: a number becomes the nearest, ties to even, rounded once", () => {
  fc.assert(
    fc.property(fc.oneof(nearTies, fc.double(), fc.float()), (value) => {
      const expected = nearestBFloat16(value);
      assert.ok(Object.is(fromBFloat16Bits(toBFloat16Bits(value)), expected), `${value}`);
      const wide = tensor([value], { dtype: "float64" });
      assert.deepEqual(cast(wide, "bfloat16").toArray(), [expected]);
      assert.deepEqual(tensor([value], { dtype: "bfloat16" }).toArray(), [expected]);
      const single = Math.fround(value);
      assert.deepEqual(cast(tensor([value]), "bfloat16").toArray(), [nearestBFloat16(single)]);
    }),
    { numRuns: 3000 },
  );
});

test("bfloat16: every number of it survives float32 and float64", () => {
  const all = Array.from({ length: 0x10000 }, (_, bits) => fromBFloat16Bits(bits));
  const x = tensor(all, { dtype: "bfloat16" });
  for (const dtype of ["float32", "float64"] as const) {
    assert.deepEqual(Array.from(cast(x, dtype).dataSync()), all);
    assertSameBits(cast(cast(x, dtype), "bfloat16"), x);
  }
});

test("bfloat16: it can be moved and chosen, not computed with", () => {
  const x = tensor([1, 2], { dtype: "bfloat16" });
  assert.deepEqual(x.reshape([2, 1]).transpose().toArray(), [[1, 2]]);
  assert.deepEqual(where(tensor([true, false]), x, 1.5).toArray(), [1, 1.5]);
  assert.deepEqual(jit((x: Tensor) => where(tensor([true, false]), x, 1.5))(x).toArray(), [1, 1.5]);
  for (
    const f of [
      () => add(x, x),
      () => exp(x),
      () => mul(x, 2),
      () => x.sum(),
      () => x.less(x),
      () => add(x, tensor([1, 2])),
    ]
  ) {
    assert.throws(f, DTypeError);
  }
});

// --- Creation out of nothing ---

test("zeros, ones, full, arange and their likes", () => {
  assertSameBits(zeros([2, 1]), tensor([[0], [0]]));
  assertSameBits(ones([2], { dtype: "bool" }), tensor([true, true]));
  assertSameBits(full([2], -0), tensor([-0, -0]));
  assertSameBits(full([], 0.1), tensor(0.1));
  assertSameBits(full([1], 1 / 3, { dtype: "bfloat16" }), tensor([1 / 3], { dtype: "bfloat16" }));
  assertSameBits(zerosLike(tensor([[true]])), tensor([[false]]));
  assertSameBits(onesLike(tensor([1, 2], { dtype: "int32" })), tensor([1, 1], { dtype: "int32" }));
  assertSameBits(
    onesLike(tensor([1, 2]), { dtype: "float64" }),
    tensor([1, 1], { dtype: "float64" }),
  );
  assertSameBits(arange(3), tensor([0, 1, 2], { dtype: "int32" }));
  assertSameBits(arange(2, { dtype: "float64" }), tensor([0, 1], { dtype: "float64" }));
  assert.equal(arange(0).size, 0);
  for (const count of [-1, 1.5, NaN]) assert.throws(() => arange(count), OptionError);
  for (const dtype of ["bool", "bfloat16"] as const) {
    assert.throws(() => arange(2, { dtype }), DTypeError);
  }
});

test("creation: on the device that was asked for, or that of the tensor it is like", () => {
  const x = tensor([1], { device: "reference" });
  assert.deepEqual(
    [
      x,
      zeros([1], { device: "reference" }),
      zerosLike(x),
      onesLike(x),
      tensor(1, { device: "reference" }),
      add(x, 1),
    ]
      .map(({ device }) => device),
    new Array(6).fill("reference"),
  );
  assert.throws(
    () => add(x, tensor([1])),
    /operands are on devices reference and cpu; expected one device: .* \{ device: "reference" \}.* devicePut\(tree, "reference"\)/,
  );
  assert.equal(
    add(tensor(1, { device: "reference" }), tensor([1])).device,
    "cpu",
    "numbers go anywhere",
  );
});

// --- Printing and JavaScript's operators ---

test("printing: spec and elements", () => {
  assert.equal(String(tensor([[1, 2.5], [-0, NaN]])), "Tensor float32[2, 2] [[1, 2.5], [-0, NaN]]");
  assert.equal(String(tensor(0.1)), "Tensor float32[] 0.1");
  assert.equal(String(tensor(0.1, { dtype: "float64" })), "Tensor float64[] 0.1");
  assert.equal(String(tensor(1 / 3)), "Tensor float32[] 0.3333333");
  assert.equal(String(tensor(1 / 3, { dtype: "float64" })), "Tensor float64[] 0.3333333333333333");
  assert.equal(String(tensor([true, false])), "Tensor bool[2] [true, false]");
  assert.equal(String(tensor([-7], { dtype: "int32" })), "Tensor int32[1] [-7]");
  assert.equal(String(tensor([1.5], { dtype: "bfloat16" })), "Tensor bfloat16[1] [1.5]");
  assert.equal(String(zeros([2, 0])), "Tensor float32[2, 0] [[], []]");
  assert.equal(String(zeros([0, 2])), "Tensor float32[0, 2] []");
  assert.equal(`${tensor(2)}`, "Tensor float32[] 2");
});

test("printing: large tensors are shortened at every axis", () => {
  assert.equal(String(arange(101)), "Tensor int32[101] [0, 1, 2, ..., 98, 99, 100]");
  assert.match(String(arange(100)), /, 49, 50, 51, /);
  const matrix = String(arange(8 * 20).reshape([8, 20]));
  assert.match(matrix, /^Tensor int32\[8, 20\] \[\[0, 1, 2, \.\.\., 17, 18, 19\], .*\]$/);
  assert.match(matrix, /\[40, 41, 42, \.\.\., 57, 58, 59\], \.\.\., \[100, 101, 102, /);
  const narrow = String(arange(6 * 20).reshape([20, 6]));
  assert.match(narrow, /\[\[0, 1, 2, 3, 4, 5\], \[6, .*, 17\], \.\.\., \[102, /);
});

test("printing: traced tensors say what looks at them", () => {
  const seen: string[] = [];
  const look = (x: Tensor) => {
    seen.push(String(x));
    return x.sum();
  };
  jit(look)(tensor([1]));
  grad(look)(tensor([1]));
  assert.deepEqual(seen, ["Traced<jit> float32[1]", "Traced<grad> float32[1]"]);
});

test("JavaScript's operators are refused", () => {
  const x = tensor(2) as unknown as number;
  const attempts = [
    () => x * 2,
    () => x + 1,
    () => x < 3,
    () => -x,
    () => x ** 2,
    () => x == 2,
    () => +x,
    () => Math.max(x, 1),
  ];
  for (const attempt of attempts) {
    assert.throws(
      attempt,
      (error) => error instanceof SoftstepError && /add, mul and less/.test(error.message),
    );
  }
});

test("methods delegate to the functions of their names", () => {
  const x = tensor([[1, -2], [3, 4]]);
  assert.deepEqual(x.add(1).sub(1).mul(2).div(2).toArray(), x.toArray());
  assert.deepEqual(x.pow(2).neg().toArray(), [[-1, -4], [-9, -16]]);
  assert.deepEqual(x.matmul(x.transpose()).toArray(), [[5, -5], [-5, 25]]);
  assert.deepEqual(x.sum({ axis: 0 }).toArray(), [4, 2]);
  assert.equal(x.mean().item(), 1.5);
  assert.deepEqual([x.max().item(), x.min().item()], [4, -2]);
  assert.deepEqual(x.greater(0).toArray(), [[true, false], [true, true]]);
  assert.deepEqual(x.greaterEqual(3).notEqual(x.lessEqual(1)).toArray(), [[true, true], [
    true,
    true,
  ]]);
  assert.deepEqual(x.less(0).equal(x.less(0)).toArray(), [[true, true], [true, true]]);
  assert.deepEqual(x.cast("int32").reshape([4]).dtype, "int32");
});

// --- Dtypes that meet ---

const table: Record<string, DType | undefined> = {
  "bool bool": "bool",
  "bool int32": "int32",
  "bool uint32": "uint32",
  "bool float32": "float32",
  "bool float64": "float64",
  "int32 int32": "int32",
  "int32 uint32": undefined,
  "int32 float32": "float32",
  "int32 float64": "float64",
  "uint32 uint32": "uint32",
  "uint32 float32": "float32",
  "uint32 float64": "float64",
  "float32 float32": "float32",
  "float32 float64": "float64",
  "float64 float64": "float64",
  "bool bfloat16": undefined,
  "int32 bfloat16": undefined,
  "uint32 bfloat16": undefined,
  "float32 bfloat16": undefined,
  "float64 bfloat16": undefined,
  "bfloat16 bfloat16": "bfloat16",
};

test("promotion: the table, both ways round", () => {
  for (const [pair, expected] of Object.entries(table)) {
    const [a, b] = pair.split(" ") as [DType, DType];
    for (const [x, y] of [[a, b], [b, a]] as const) {
      if (expected === undefined) {
        assert.throws(
          () => promote("f", x, y),
          (error) => error instanceof DTypeError && /^f: no common dtype for/.test(error.message),
        );
        continue;
      }
      assert.equal(promote("f", x, y), expected);
      if (expected === "bfloat16") continue;
      const [left, right] = [ones([2], { dtype: x }), ones([2], { dtype: y })];
      const arithmetic = expected === "bool" ? "int32" : expected;
      const sum = add(left, right);
      assert.equal(sum.dtype, arithmetic, pair);
      assert.deepEqual(sum.toArray(), [2, 2]);
      assert.equal(left.equal(right).dtype, "bool");
      assert.equal(where(tensor([true, false]), left, right).dtype, expected);
      const floating = expected === "float64" ? "float64" : "float32";
      assert.equal(left.div(right).dtype, floating);
    }
  }
  assert.equal(ones([1], { dtype: "int32" }).div(ones([1], { dtype: "uint32" })).dtype, "float32");
});

test("promotion: nothing is rounded on the way to the common dtype", () => {
  const large = tensor([2 ** 24 + 1], { dtype: "int32" });
  const one = tensor([1], { dtype: "float64" });
  for (const f of [add(large, one).sub(1), mul(large, one), large.div(one), large.pow(one)]) {
    assert.deepEqual([f.dtype, f.toArray()], ["float64", [2 ** 24 + 1]]);
  }
});

test("numbers take the dtype of the tensor that they meet, or are refused", () => {
  for (const dtype of ["float32", "float64", "int32", "uint32"] as const) {
    const x = tensor([1, 2], { dtype });
    for (const f of [add, mul]) {
      assert.equal(f(x, 3).dtype, dtype);
      assert.equal(f(3, x).dtype, dtype);
    }
    assert.equal(where(tensor([true, false]), x, 7).dtype, dtype);
  }
  assert.equal(add(1, 2).dtype, "float32");
  assert.equal(add(tensor([true]), 2).dtype, "int32");
  assert.throws(
    () => mul(tensor([1], { dtype: "int32" }), 0.5),
    /0\.5 is no int32 value; round it, or/,
  );
  assert.throws(() => add(tensor([1], { dtype: "uint32" }), -1), DTypeError);
  assert.equal(tensor([1], { dtype: "int32" }).div(2).toArray()!.toString(), "0.5");
  assertSameBits(mul(tensor([1]), 0.1), tensor([0.1]));
});

test("integers wrap around", () => {
  const int32 = (value: number) => tensor([value], { dtype: "int32" });
  const uint32 = (value: number) => tensor([value], { dtype: "uint32" });
  const least = -(2 ** 31);
  assert.deepEqual(add(int32(2 ** 31 - 1), 1).toArray(), [least]);
  assert.deepEqual(int32(least).sub(1).toArray(), [2 ** 31 - 1]);
  assert.deepEqual(mul(int32(0x12345678), 0x1234567).toArray(), [Math.imul(0x12345678, 0x1234567)]);
  assert.deepEqual(int32(least).neg().toArray(), [least]);
  assert.deepEqual(add(uint32(2 ** 32 - 1), 2).toArray(), [1]);
  assert.deepEqual(uint32(0).sub(1).toArray(), [2 ** 32 - 1]);
  assert.deepEqual(mul(uint32(2 ** 31 + 1), 2).toArray(), [2]);
  assert.throws(() => uint32(1).neg(), DTypeError);
});

test("cast: truncation, saturation, wrapping and comparison with 0", () => {
  const x = tensor([1.9, -1.9, 3e9, -3e9, 5e9, NaN, Infinity, -Infinity, -0.5]);
  assert.deepEqual(cast(x, "int32").toArray(), [
    1,
    -1,
    2 ** 31 - 1,
    -(2 ** 31),
    2 ** 31 - 1,
    0,
    2 ** 31 - 1,
    -(2 ** 31),
    0,
  ]);
  assert.deepEqual(cast(x, "uint32").toArray(), [1, 0, 3e9, 0, 2 ** 32 - 1, 0, 2 ** 32 - 1, 0, 0]);
  assert.deepEqual(cast(x, "bool").toArray(), [
    true,
    true,
    true,
    true,
    true,
    true,
    true,
    true,
    true,
  ]);
  assert.deepEqual(cast(tensor([0, -0, 2]), "bool").toArray(), [false, false, true]);
  assert.deepEqual(cast(tensor([-1], { dtype: "int32" }), "uint32").toArray(), [2 ** 32 - 1]);
  assert.deepEqual(cast(tensor([true, false]), "float64").toArray(), [1, 0]);
  const same = tensor([1]);
  assert.equal(cast(same, "float32"), same);
});

test("a tensor cannot be made into another one by hand", () => {
  const x = tensor([1, 2]);
  assert.ok(x instanceof Tensor);
  assert.throws(() => add("1" as unknown as Tensor, x), /add: cannot take "1"; expected a tensor/);
  assert.throws(
    () => exp([1] as unknown as Tensor),
    /exp: cannot take an array; expected a tensor/,
  );
});

test("a tensor is no JSON: what a device keeps is not written instead of its elements", () => {
  for (const x of [tensor([1, 2]), tensor(3), zeros([3], { device: "reference" })]) {
    assert.throws(() => JSON.stringify({ state: [x] }), {
      name: "SoftstepError",
      message: /^Tensor: a tensor is no JSON; .*deviceGet.*tensor\(data, \{ shape, dtype \}\)/,
    });
  }
});

const { Float16Array } = globalThis as { Float16Array?: new (values: number[]) => Float32Array };

test("tensor: a Float16Array becomes float32", { skip: Float16Array === undefined }, () => {
  const x = tensor(new Float16Array!([1.5, -2, NaN]));
  assert.equal(x.dtype, "float32");
  assert.deepEqual(x.toArray(), [1.5, -2, NaN]);
});
