import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import {
  deviceGet,
  jit,
  type S3State,
  scaleByS3,
  scope,
  type Tensor,
  tensor,
  treeLeaves,
  type TypedArray,
} from "../../mod.ts";
import { finiteFloat32, moderateFloat32, type Streams, streams } from "./gradient-streams.ts";
import {
  assertClose,
  assertSameBits,
  checkEveryCase,
  forEachPlace,
  type Machine,
  place,
  runS3,
  runsOn,
  tolerances,
} from "./run-s3.ts";

const mapStreams = (gradients: Streams, f: (g: number) => number): Streams =>
  gradients.map((row) => row.map(f));

/** Property 5: what must not change the updates, or change them in step with the gradients. */
export function testInvariance(machine: Machine): void {
  const { name, device, dtype, skip, isGpu } = machine;
  const property = (title: string, body: () => Promise<void>) =>
    test(`s3 ${name}: ${title}`, { skip }, body);
  const size = { columns: 8, steps: 60, runs: 3 };

  property("gradients times a power of two give the same bits", async () => {
    // In range: neither the gradients nor their momentum, after cancellation, become subnormal.
    const value = moderateFloat32(20);
    await checkEveryCase(machine, { ...size, value, steps: 30 }, async (testCase, gradients) => {
      const steps = await runS3(machine, testCase, gradients);
      for (const exponent of isGpu ? [-40, 3] : [-40, -1, 1, 3, 40]) {
        const c = 2 ** exponent;
        const scaled = await runS3(machine, testCase, mapStreams(gradients, (g) => c * g));
        steps.forEach(({ u, m, r }, t) => {
          const where = `b=${testCase.b} p=${testCase.p} times 2^${exponent}, step ${t + 1}`;
          assertSameBits(scaled[t]!.u, u, where);
          assertSameBits(scaled[t]!.m, Array.from(m, (x) => c * x), where);
          assertSameBits(scaled[t]!.r, Array.from(r, (x) => c * x), where);
        });
      }
    });
  });

  property("gradients times any positive number give the same updates", async () => {
    const value = moderateFloat32(20);
    const factors = fc.sample(fc.double({ min: 1e-12, max: 1e12, noNaN: true }), {
      numRuns: isGpu ? 1 : 3,
      seed: 5,
    });
    await checkEveryCase(machine, { ...size, value, runs: 2 }, async (testCase, gradients) => {
      const steps = await runS3(machine, testCase, gradients);
      for (const c of [...factors, 3]) {
        const scaled = await runS3(machine, testCase, mapStreams(gradients, (g) => c * g));
        forEachPlace(steps, (t, i) => {
          const where = place(testCase, machine, gradients, t, i);
          assertClose(scaled[t]!.u[i]!, steps[t]!.u[i]!, tolerances[dtype], where);
        });
      }
    });
  });

  for (const nesterov of [true, false]) {
    const form = nesterov ? "with Nesterov" : "without Nesterov";

    property(`opposite gradients give the opposite bits ${form}`, async () => {
      await checkEveryCase(machine, { ...size, nesterov }, async (testCase, gradients) => {
        const steps = await runS3(machine, testCase, gradients);
        const opposite = await runS3(machine, testCase, mapStreams(gradients, (g) => -g));
        steps.forEach(({ u, m, r }, t) => {
          const where = `b=${testCase.b} p=${testCase.p} step ${t + 1}`;
          assertSameBits(opposite[t]!.u, Array.from(u, (x) => -x), where);
          assertSameBits(opposite[t]!.m, Array.from(m, (x) => -x), where);
          assertSameBits(opposite[t]!.r, r, where);
        });
      });
    });

    property(`permuted coordinates give the permuted bits ${form}`, async () => {
      const permute = (row: ArrayLike<number>) =>
        Array.from(row, (_, i) => row[(5 * i + 3) % row.length]!);
      await checkEveryCase(machine, { ...size, nesterov }, async (testCase, gradients) => {
        const steps = await runS3(machine, testCase, gradients);
        const permuted = await runS3(machine, testCase, gradients.map(permute));
        steps.forEach(({ u, m, r }, t) => {
          const where = `b=${testCase.b} p=${testCase.p} step ${t + 1}`;
          assertSameBits(permuted[t]!.u, permute(u), where);
          assertSameBits(permuted[t]!.m, permute(m), where);
          assertSameBits(permuted[t]!.r, permute(r), where);
        });
      });
    });
  }

  property(
    "the same numbers as one leaf or as several of other shapes give the same bits",
    async () => {
      const make = (values: readonly number[], shape = [values.length]) =>
        tensor(values, { shape, dtype, device });
      /** Twelve numbers as a tree of a scalar, a vector, a matrix, an empty tensor and a column. */
      const parts = (row: readonly number[]): Parts => ({
        a: make([row[0]!], []),
        empty: make([], [0]),
        z: [make(row.slice(1, 4)), make(row.slice(4, 10), [2, 3])],
        zz: make(row.slice(10), [2, 1]),
      });
      for (const p of isGpu ? [1.5, 3, Infinity] : [1, 1.5, 3, 8, Infinity]) {
        const transform = scaleByS3({ p, b: 0.9 });
        const run = async <Params extends Tensor | Parts>(
          gradients: Streams,
          make: (row: readonly number[]) => Params,
        ): Promise<number[][]> =>
          await scope(async () => {
            let state = transform.init(make(gradients[0]!));
            const update = jit((g: Params, s: S3State<Params>) => transform.update(g, s));
            const results = await deviceGet(gradients.map((row) => {
              const [u, next] = update(make(row), state);
              state = next;
              return [u, state.m, state.r].map((tree) => treeLeaves(tree));
            }));
            const joined = (leaves: readonly TypedArray[]) =>
              leaves.flatMap((leaf) => Array.from(leaf));
            return results.flatMap((step) => step.map(joined));
          });
        const value = dtype === "float32" ? finiteFloat32 : moderateFloat32(40);
        await fc.assert(
          fc.asyncProperty(streams(value, { steps: 10, columns: 12 }), async (gradients) => {
            const whole = await run(gradients, (row) => make(row));
            const split = await run(gradients, parts);
            whole.forEach((values, k) => assertSameBits(split[k]!, values, `p=${p} result ${k}`));
          }),
          runsOn(isGpu, 10, 3),
        );
      }
    },
  );

  property("the order of the keys does not matter", async () => {
    const transform = scaleByS3();
    const g = { a: tensor([1, 2], { dtype, device }), b: tensor([3], { dtype, device }) };
    const [u] = transform.update({ b: g.b, a: g.a }, transform.init(g));
    const [v] = transform.update(g, transform.init({ b: g.b, a: g.a }));
    const [first, second] = await deviceGet([[u.a, u.b], [v.a, v.b]]);
    assert.deepEqual(first, second);
  });
}

type Parts = { a: Tensor; empty: Tensor; z: [Tensor, Tensor]; zz: Tensor };
