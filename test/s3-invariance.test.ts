// Property 5: what must not change the updates, or change them in step with the gradients.
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { scaleByS3, type Tensor, tensor } from "../mod.ts";
import {
  finiteFloat32,
  moderateFloat32,
  type Streams,
  streams,
} from "./support/gradient-streams.ts";
import {
  assertClose,
  assertSameBits,
  checkEveryCase,
  type FloatDType,
  forEachPlace,
  place,
  runS3,
  tolerances,
} from "./support/run-s3.ts";

const dtypes: readonly FloatDType[] = ["float32", "float64"];
const columns = 8;

const mapStreams = (gradients: Streams, f: (g: number) => number): Streams =>
  gradients.map((row) => row.map(f));

for (const dtype of dtypes) {
  test(`s3: gradients times a power of two give the same bits, ${dtype}`, () => {
    // In range: neither the gradients nor their momentum, after cancellation, become subnormal.
    const value = moderateFloat32(20);
    checkEveryCase({ dtype, value, columns, steps: 30, runs: 3 }, (testCase, gradients) => {
      const steps = runS3(testCase, gradients, dtype);
      for (const exponent of [-40, -1, 1, 3, 40]) {
        const c = 2 ** exponent;
        const scaled = runS3(testCase, mapStreams(gradients, (g) => c * g), dtype);
        steps.forEach(({ u, m, r }, t) => {
          const where = `b=${testCase.b} p=${testCase.p} times 2^${exponent}, step ${t + 1}`;
          assertSameBits(scaled[t]!.u, u, where);
          assertSameBits(scaled[t]!.m, Array.from(m, (x) => c * x), where);
          assertSameBits(scaled[t]!.r, Array.from(r, (x) => c * x), where);
        });
      }
    });
  });

  test(`s3: gradients times any positive number give the same updates, ${dtype}`, () => {
    const value = moderateFloat32(20);
    const factors = fc.sample(fc.double({ min: 1e-12, max: 1e12, noNaN: true }), {
      numRuns: 3,
      seed: 5,
    });
    checkEveryCase({ dtype, value, columns, steps: 60, runs: 2 }, (testCase, gradients) => {
      const steps = runS3(testCase, gradients, dtype);
      for (const c of [...factors, 3, 0.1]) {
        const scaled = runS3(testCase, mapStreams(gradients, (g) => c * g), dtype);
        forEachPlace(steps, (t, i) => {
          const where = place(testCase, dtype, gradients, t, i);
          assertClose(scaled[t]!.u[i]!, steps[t]!.u[i]!, tolerances[dtype], where);
        });
      }
    });
  });

  for (const nesterov of [true, false]) {
    test(`s3: opposite gradients give the opposite bits, ${dtype}, nesterov ${nesterov}`, () => {
      checkEveryCase({ dtype, nesterov, columns, runs: 3 }, (testCase, gradients) => {
        const steps = runS3(testCase, gradients, dtype);
        const opposite = runS3(testCase, mapStreams(gradients, (g) => -g), dtype);
        steps.forEach(({ u, m, r }, t) => {
          const where = `b=${testCase.b} p=${testCase.p} step ${t + 1}`;
          assertSameBits(opposite[t]!.u, Array.from(u, (x) => -x), where);
          assertSameBits(opposite[t]!.m, Array.from(m, (x) => -x), where);
          assertSameBits(opposite[t]!.r, r, where);
        });
      });
    });

    test(`s3: permuted coordinates give the permuted bits, ${dtype}, nesterov ${nesterov}`, () => {
      const order = [5, 2, 7, 0, 1, 6, 4, 3];
      const permute = (row: ArrayLike<number>) => order.map((from) => row[from]!);
      checkEveryCase({ dtype, nesterov, columns, runs: 3 }, (testCase, gradients) => {
        const steps = runS3(testCase, gradients, dtype);
        const permuted = runS3(testCase, gradients.map(permute), dtype);
        steps.forEach(({ u, m, r }, t) => {
          const where = `b=${testCase.b} p=${testCase.p} step ${t + 1}`;
          assertSameBits(permuted[t]!.u, permute(u), where);
          assertSameBits(permuted[t]!.m, permute(m), where);
          assertSameBits(permuted[t]!.r, permute(r), where);
        });
      });
    });
  }
}

test("s3: the same numbers as one leaf or as several of other shapes give the same bits", () => {
  for (const p of [1, 1.5, 3, 8, Infinity]) {
    const transform = scaleByS3({ p, b: 0.9 });
    fc.assert(
      fc.property(streams(finiteFloat32, { steps: 10, columns: 12 }), (gradients) => {
        let whole = transform.init(tensor(gradients[0]!));
        let split = transform.init(parts(gradients[0]!));
        for (const row of gradients) {
          let u: Tensor;
          let v: ReturnType<typeof parts>;
          [u, whole] = transform.update(tensor(row), whole);
          [v, split] = transform.update(parts(row), split);
          assertSameBits(joined(v), u.dataSync(), `p=${p} u`);
          assertSameBits(joined(split.m), whole.m.dataSync(), `p=${p} m`);
          assertSameBits(joined(split.r), whole.r.dataSync(), `p=${p} r`);
        }
      }),
      { numRuns: 10 },
    );
  }
});

/** Twelve numbers as a tree of a scalar, a vector, a matrix, an empty tensor and a column. */
function parts(row: readonly number[]): Parts {
  return {
    a: tensor(row[0]!),
    z: [tensor(row.slice(1, 4)), tensor(row.slice(4, 10), { shape: [2, 3] })],
    empty: tensor([], { shape: [0] }),
    last: tensor(row.slice(10), { shape: [2, 1] }),
  };
}

type Parts = { a: Tensor; z: [Tensor, Tensor]; empty: Tensor; last: Tensor };

function joined({ a, z, empty, last }: Parts): number[] {
  return [a, ...z, empty, last].flatMap((leaf) => Array.from(leaf.dataSync()));
}

test("s3: the order of the keys does not matter", () => {
  const transform = scaleByS3();
  const g = { a: tensor([1, 2]), b: tensor([3]) };
  const [u] = transform.update({ b: g.b, a: g.a }, transform.init(g));
  const [v] = transform.update(g, transform.init({ b: g.b, a: g.a }));
  assert.deepEqual([u.a.toArray(), u.b.toArray()], [v.a.toArray(), v.b.toArray()]);
});
