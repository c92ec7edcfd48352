import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { referenceBackend } from "../backends/reference/mod.ts";
import { prepare } from "../backends/reference/prepare.ts";
import { wasmBackend } from "../backends/wasm/mod.ts";
import { type DType, dtypes } from "../src/core/dtype.ts";
import { broadcastShapes, sizeOf } from "../src/core/shape.ts";
import type { PrimitiveName, PrimitiveParams } from "../src/graph/instruction-set.ts";
import {
  anyElement,
  anyElements,
  anyShape,
  broadcastingShapes,
} from "./support/kernel-arbitraries.ts";
import { type Elements, elements, runKernel } from "./support/run-kernel.ts";

const wasm = wasmBackend({ prepare });
const reference = referenceBackend();

function assertSame<Name extends PrimitiveName>(
  op: Name,
  params: PrimitiveParams[Name],
  operands: readonly Elements[],
  shape: readonly number[],
  dtype: DType,
): void {
  const spec = { shape, dtype };
  assert.deepEqual(
    runKernel(wasm, op, params, operands, spec),
    runKernel(reference, op, params, operands, spec),
  );
}

const anyTensor = (minRank: number): fc.Arbitrary<Elements> =>
  fc.constantFrom(...dtypes).chain((dtype) =>
    anyShape(minRank).chain((shape) => anyElements(dtype, shape))
  );

test("wasm transpose is the reference's", () => {
  fc.assert(fc.property(
    anyTensor(1).chain((x) =>
      fc.record({
        x: fc.constant(x),
        permutation: fc.shuffledSubarray(x.shape.map((_, axis) => axis), {
          minLength: x.shape.length,
        }),
      })
    ),
    ({ x, permutation }) => {
      const shape = permutation.map((axis) => x.shape[axis]!);
      assertSame("transpose", { permutation }, [x], shape, x.dtype);
    },
  ));
});

test("wasm broadcast is the reference's", () => {
  fc.assert(fc.property(
    anyTensor(0).chain((x) =>
      fc.record({
        x: fc.constant(x),
        extents: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 5, maxLength: 5 }),
        axes: fc.subarray([0, 1, 2, 3, 4], {
          minLength: x.shape.length,
          maxLength: x.shape.length,
        }),
      })
    ),
    ({ x, extents, axes }) => {
      const shape = [...extents];
      axes.forEach((axis, i) => {
        if (x.shape[i] !== 1) shape[axis] = x.shape[i]!;
      });
      assertSame("broadcast", { shape, axes }, [x], shape, x.dtype);
    },
  ));
});

test("wasm slice and flip are the reference's", () => {
  fc.assert(fc.property(
    anyTensor(1).chain((x) =>
      fc.record({
        x: fc.constant(x),
        bounds: fc.tuple(...x.shape.map((extent) =>
          fc.tuple(fc.nat(extent), fc.nat(extent), fc.integer({ min: 1, max: 3 }))
        )),
        axes: fc.subarray(x.shape.map((_, axis) =>
          axis
        )),
      })
    ),
    ({ x, bounds, axes }) => {
      const start = bounds.map(([a, b]) => Math.min(a, b));
      const limit = bounds.map(([a, b]) => Math.max(a, b));
      const stride = bounds.map(([, , by]) => by);
      const shape = start.map((from, axis) => Math.ceil((limit[axis]! - from) / stride[axis]!));
      assertSame("slice", { start, limit, stride }, [x], shape, x.dtype);
      assertSame("flip", { axes }, [x], x.shape, x.dtype);
    },
  ));
});

test("wasm pad is the reference's", () => {
  fc.assert(fc.property(
    anyTensor(1).chain((x) =>
      fc.record({
        x: fc.constant(x),
        around: fc.tuple(...x.shape.map(() => fc.tuple(fc.nat(3), fc.nat(3), fc.nat(2)))),
      })
    ),
    ({ x, around }) => {
      const [low, high, inner] = [0, 1, 2].map((which) => around.map((each) => each[which]!));
      const shape = x.shape.map((extent, axis) =>
        low![axis]! + extent + Math.max(extent - 1, 0) * inner![axis]! + high![axis]!
      );
      assertSame("pad", { low: low!, high: high!, inner: inner! }, [x], shape, x.dtype);
    },
  ));
});

test("wasm concat is the reference's", () => {
  fc.assert(fc.property(
    fc.constantFrom(...dtypes),
    anyShape(1).chain((shape) =>
      fc.tuple(
        fc.constant(shape),
        fc.nat(shape.length - 1),
        fc.array(fc.nat(4), { minLength: 1, maxLength: 4 }),
      )
    ),
    fc.nat(),
    (dtype, [shape, axis, extents], seed) => {
      const operands = extents.map((extent, i) => {
        const own = shape.with(axis, extent);
        const [values] = fc.sample(
          fc.array(anyElement[dtype], { minLength: sizeOf(own), maxLength: sizeOf(own) }),
          { seed: seed + i, numRuns: 1 },
        );
        return elements(dtype, own, values!);
      });
      const total = extents.reduce((sum, extent) => sum + extent);
      assertSame("concat", { axis }, operands, shape.with(axis, total), dtype);
    },
  ));
});

test("wasm threefry2x32 is the reference's, on pairs that broadcast", () => {
  fc.assert(
    fc.property(broadcastingShapes(2), fc.infiniteStream(anyElement.uint32), (shapes, words) => {
      const operands = shapes.map((shape) => {
        const values = Array.from(
          { length: 2 * sizeOf(shape) },
          () => words.next().value as number,
        );
        return elements("uint32", [...shape, 2], values);
      });
      const shape = [...broadcastShapes("test", ...shapes), 2];
      assertSame("threefry2x32", {}, operands, shape, "uint32");
    }),
  );
});

test("wasm iota, full and reshape are the reference's", () => {
  fc.assert(fc.property(anyTensor(1), fc.nat(), (x, which) => {
    const { shape, dtype } = x;
    const axis = which % shape.length;
    assertSame("iota", { shape, dtype, axis }, [], shape, dtype);
    assertSame("full", { shape, dtype, value: x.values[0] ?? 1 }, [], shape, dtype);
    assertSame("reshape", { shape: [sizeOf(shape)] }, [x], [sizeOf(shape)], dtype);
  }));
});
