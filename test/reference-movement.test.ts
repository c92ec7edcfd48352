import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { referenceBackend } from "../backends/reference/mod.ts";
import { type DType, dtypes, fromBFloat16Bits, toBFloat16Bits } from "../src/core/dtype.ts";
import type { Shape } from "../src/core/shape.ts";
import { anyElements, anyShape, at, coordinates } from "./support/kernel-arbitraries.ts";
import { elements, runKernel } from "./support/run-kernel.ts";

const backend = referenceBackend();

/** Elements of any dtype and shape. */
const anything = (minRank = 0) =>
  fc.tuple(fc.constantFrom(...dtypes), anyShape(minRank))
    .chain(([dtype, shape]) => anyElements(dtype, shape));

const upTo = (max: number) => fc.integer({ min: 0, max });

/** One arbitrary value an axis. */
const perAxis = <Value>(shape: Shape, of: (extent: number) => fc.Arbitrary<Value>) =>
  fc.tuple(...shape.map(of)) as fc.Arbitrary<Value[]>;

test("reference reshape keeps the elements in order", () => {
  fc.assert(fc.property(anything(), (x) => {
    const shape = [...x.shape].reverse();
    const result = runKernel(backend, "reshape", { shape }, [x], { shape, dtype: x.dtype });
    assert.deepEqual(result, x.values);
  }));
});

test("reference transpose", () => {
  const cases = anything().chain((x) => {
    const axes = x.shape.map((_, axis) => axis);
    return fc.tuple(
      fc.constant(x),
      fc.shuffledSubarray(axes, { minLength: axes.length, maxLength: axes.length }),
    );
  });
  fc.assert(fc.property(cases, ([x, permutation]) => {
    const shape = permutation.map((axis) => x.shape[axis]!);
    const expected = coordinates(shape).map((index) => {
      const source = x.shape.map(() => 0);
      permutation.forEach((axis, i) => source[axis] = index[i]!);
      return at(x, source);
    });
    const output = { shape, dtype: x.dtype };
    assert.deepEqual(runKernel(backend, "transpose", { permutation }, [x], output), expected);
  }));
});

test("reference transpose of rows that are long", () => {
  const values = Array.from({ length: 2 * 3 * 200 }, (_, i) => i);
  const x = elements("int32", [2, 3, 200], values);
  const output = { shape: [3, 2, 200], dtype: "int32" as const };
  const expected = coordinates(output.shape).map(([i, j, k]) => at(x, [j!, i!, k!]));
  const permutation = [1, 0, 2];
  assert.deepEqual(runKernel(backend, "transpose", { permutation }, [x], output), expected);
});

test("reference broadcast", () => {
  const cases = anything().chain((x) => {
    const rank = fc.integer({ min: x.shape.length, max: x.shape.length + 2 });
    return rank.chain((rank) => {
      const places = Array.from({ length: rank }, (_, axis) => axis);
      const { length } = x.shape;
      return fc.tuple(
        fc.constant(x),
        fc.subarray(places, { minLength: length, maxLength: length }),
        perAxis(places, () => upTo(3)),
      );
    });
  });
  fc.assert(fc.property(cases, ([x, axes, extents]) => {
    const shape = extents.map((extent, axis) => {
      const own = axes.indexOf(axis);
      return own >= 0 && x.shape[own] !== 1 ? x.shape[own]! : extent;
    });
    const expected = coordinates(shape).map((index) =>
      at(x, axes.map((axis, i) => x.shape[i] === 1 ? 0 : index[axis]!))
    );
    const output = { shape, dtype: x.dtype };
    assert.deepEqual(runKernel(backend, "broadcast", { shape, axes }, [x], output), expected);
  }));
});

test("reference slice", () => {
  const cases = anything().chain((x) =>
    fc.tuple(
      fc.constant(x),
      perAxis(x.shape, (extent) =>
        fc.tuple(upTo(extent), upTo(extent), fc.integer({ min: 1, max: 3 })).map((
          [a, b, stride],
        ) => ({
          start: Math.min(a, b),
          limit: Math.max(a, b),
          stride,
        }))),
    )
  );
  fc.assert(fc.property(cases, ([x, ranges]) => {
    const picked = ranges.map(({ start, limit, stride }) => {
      const indices: number[] = [];
      for (let index = start; index < limit; index += stride) indices.push(index);
      return indices;
    });
    const shape = picked.map((indices) => indices.length);
    const expected = coordinates(shape).map((index) =>
      at(x, index.map((i, axis) => picked[axis]![i]!))
    );
    const params = {
      start: ranges.map((range) => range.start),
      limit: ranges.map((range) => range.limit),
      stride: ranges.map((range) => range.stride),
    };
    const output = { shape, dtype: x.dtype };
    assert.deepEqual(runKernel(backend, "slice", params, [x], output), expected);
  }));
});

test("reference pad puts zeros around and between", () => {
  const cases = anything().chain((x) =>
    fc.tuple(fc.constant(x), perAxis(x.shape, () => fc.tuple(upTo(2), upTo(2), upTo(2))))
  );
  fc.assert(fc.property(cases, ([x, pads]) => {
    // The lines of the result along each axis, by the index of the operand that they come from.
    const lines = x.shape.map((extent, axis) => {
      const [low, high, inner] = pads[axis]!;
      const own = Array.from({ length: extent }, (_, i) => i)
        .flatMap((i) => i === 0 ? [i] : [...new Array<number>(inner).fill(-1), i]);
      return [...new Array<number>(low).fill(-1), ...own, ...new Array<number>(high).fill(-1)];
    });
    const shape = lines.map((line) => line.length);
    const expected = coordinates(shape).map((index) => {
      const source = index.map((i, axis) => lines[axis]![i]!);
      return source.includes(-1) ? 0 : at(x, source);
    });
    const [low, high, inner] = [0, 1, 2].map((part) => pads.map((pad) => pad[part]!));
    const params = { low: low!, high: high!, inner: inner! };
    const output = { shape, dtype: x.dtype };
    assert.deepEqual(runKernel(backend, "pad", params, [x], output), expected);
  }));
});

test("reference concat", () => {
  const cases = fc.tuple(fc.constantFrom(...dtypes), anyShape(1)).chain(([dtype, shape]) =>
    fc.tuple(
      upTo(shape.length - 1),
      fc.array(upTo(3), { minLength: 1, maxLength: 4 }),
    ).chain(([axis, extents]) =>
      fc.tuple(
        fc.constant(axis),
        fc.tuple(...extents.map((extent) => anyElements(dtype, shape.with(axis, extent)))),
      )
    )
  );
  fc.assert(fc.property(cases, ([axis, parts]) => {
    const { shape: first, dtype } = parts[0]!;
    const places = parts.flatMap((part) =>
      Array.from({ length: part.shape[axis]! }, (_, index) => ({ part, index }))
    );
    const shape = first.map((extent, i) => i === axis ? places.length : extent);
    const expected = coordinates(shape).map((index) => {
      const place = places[index[axis]!]!;
      return at(place.part, index.map((i, other) => other === axis ? place.index : i));
    });
    assert.deepEqual(runKernel(backend, "concat", { axis }, parts, { shape, dtype }), expected);
  }));
});

test("reference flip", () => {
  const cases = anything().chain((x) =>
    fc.tuple(fc.constant(x), fc.subarray(x.shape.map((_, axis) => axis)))
  );
  fc.assert(fc.property(cases, ([x, axes]) => {
    const expected = coordinates(x.shape).map((index) =>
      at(x, index.map((i, axis) => axes.includes(axis) ? x.shape[axis]! - 1 - i : i))
    );
    assert.deepEqual(runKernel(backend, "flip", { axes }, [x], x), expected);
  }));
});

const outside: Record<DType, number> = {
  float32: NaN,
  float64: NaN,
  bfloat16: NaN,
  int32: -0x80000000,
  uint32: 0,
  bool: 0,
};

/** Elements, an axis of them, and indices, a few of which are out of range. */
const indexed = (of: readonly DType[]) =>
  fc.tuple(fc.constantFrom(...of), anyShape(1), fc.array(upTo(3), { maxLength: 2 }))
    .chain(([dtype, shape, indexShape]) =>
      upTo(shape.length - 1).chain((axis) => {
        const size = indexShape.reduce((product, extent) => product * extent, 1);
        const index = fc.integer({ min: -2, max: shape[axis]! + 1 });
        return fc.tuple(
          anyElements(dtype, shape),
          fc.constant(axis),
          fc.array(index, { minLength: size, maxLength: size })
            .map((values) => elements("int32", indexShape, values)),
        );
      })
    );

test("reference gather gives the documented values for indices that are out of range", () => {
  fc.assert(fc.property(indexed(dtypes), ([x, axis, indices]) => {
    const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
    const end = axis + indices.shape.length;
    const expected = coordinates(shape).map((index) => {
      const chosen = at(indices, index.slice(axis, end));
      if (chosen < 0 || chosen >= x.shape[axis]!) return outside[x.dtype];
      return at(x, [...index.slice(0, axis), chosen, ...index.slice(end)]);
    });
    const output = { shape, dtype: x.dtype };
    assert.deepEqual(runKernel(backend, "gather", { axis }, [x, indices], output), expected);
  }));
});

test("reference scatterAdd adds in order, drops indices out of range, and rounds each sum", () => {
  const computing: readonly DType[] = ["float32", "float64", "int32", "uint32"];
  const cases = indexed(computing).chain(([{ shape, dtype }, axis, indices]) => {
    const updates = [...shape.slice(0, axis), ...indices.shape, ...shape.slice(axis + 1)];
    return fc.tuple(
      anyElements(dtype, updates),
      fc.constant(axis),
      fc.constant(indices),
      fc.constant(shape),
    );
  });
  const add: Partial<Record<DType, (a: number, b: number) => number>> = {
    float32: (a, b) => Math.fround(a + b),
    float64: (a, b) => a + b,
    int32: (a, b) => Number(BigInt.asIntN(32, BigInt(a) + BigInt(b))),
    uint32: (a, b) => Number(BigInt.asUintN(32, BigInt(a) + BigInt(b))),
  };
  fc.assert(fc.property(cases, ([updates, axis, indices, shape]) => {
    const { dtype } = updates;
    const expected = coordinates(shape).map((index) =>
      coordinates(indices.shape)
        .filter((place) => at(indices, place) === index[axis])
        .map((place) => at(updates, [...index.slice(0, axis), ...place, ...index.slice(axis + 1)]))
        .reduce(add[dtype]!, 0)
    );
    const params = { axis, extent: shape[axis]! };
    const output = { shape, dtype };
    const result = runKernel(backend, "scatterAdd", params, [updates, indices], output);
    assert.deepEqual(result, expected);
  }));
});

test("reference iota counts along its axis", () => {
  const cases = fc.tuple(
    fc.constantFrom<DType>("float32", "float64", "int32", "uint32"),
    anyShape(1),
  )
    .chain(([dtype, shape]) => fc.tuple(fc.constant({ dtype, shape }), upTo(shape.length - 1)));
  fc.assert(fc.property(cases, ([output, axis]) => {
    const expected = coordinates(output.shape).map((index) => index[axis]!);
    assert.deepEqual(runKernel(backend, "iota", { ...output, axis }, [], output), expected);
  }));
});

test("reference full puts one value everywhere", () => {
  fc.assert(fc.property(anything(1), (x) => {
    const value = x.values[0] ?? 0;
    const output = { shape: x.shape, dtype: x.dtype };
    const expected = x.values.map(() => value);
    assert.deepEqual(runKernel(backend, "full", { ...output, value }, [], output), expected);
  }));
  const output = { shape: [2], dtype: "bfloat16" as const };
  const third = fromBFloat16Bits(toBFloat16Bits(1 / 3));
  const result = runKernel(backend, "full", { ...output, value: 1 / 3 }, [], output);
  assert.deepEqual(result, [third, third]);
});
