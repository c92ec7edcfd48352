// Every primitive on every dtype of a GPU, as a program applies it, against the reference.
import assert from "node:assert/strict";
import test from "node:test";
import { abs, deviceGet, type DeviceName, jit, type Tensor, tensor, transpose } from "../mod.ts";
import { formatSpec, sizeOf } from "../src/core/shape.ts";
import type { PrimitiveName } from "../src/graph/instruction-set.ts";
import { bind } from "../src/tracing/bind.ts";
import { type PrimitiveRun, runsOf } from "./support/gpu-cases.ts";
import { gpus, skip, type TestGpu } from "./support/gpu-devices.ts";
import { isSubnormal } from "./support/gpujs.ts";
import { primitiveCases } from "./support/primitive-cases.ts";
import { type Elements, fromArray } from "./support/run-kernel.ts";
import { ulpsBetween } from "./support/run-loop.ts";

const names = Object.keys(primitiveCases) as PrimitiveName[];
const seed = Math.floor(Math.random() * 2 ** 31);

/**
 * How many units in the last place a float32 result may be off from the reference's, which is correctly rounded or nearly
 * so: what the functions of backends/webgpu/math promise, what backends/gpujs/functions.ts promises (the second
 * number), and what WGSL allows sqrt and division. What is not listed is exact.
 */
const ulps: Partial<Record<PrimitiveName, readonly [wgsl: number, gpujs: number]>> = {
  sqrt: [3, 3],
  cbrt: [2, 2.5],
  rcbrt: [2.5, 4.5],
  exp: [2, 2.5],
  expm1: [2.5, 4.5],
  log: [2, 2.5],
  log1p: [2.5, 4.5],
  sin: [3, 3.5],
  cos: [3, 3.5],
  tanh: [2.5, 4.5],
  logistic: [4.5, 5.5],
  erf: [2.5, 5.5],
  div: [3, 3.5],
  pow: [2.5, 8.5],
};

/** Sums of products, whose order is free: the error is bounded by that of any order. */
const sums: ReadonlySet<PrimitiveName> = new Set<PrimitiveName>(
  ["reduceSum", "cumSum", "scatterAdd", "dot", "conv", "customKernel"],
);

const place = ({ shape, dtype, values }: Elements, device: DeviceName): Tensor =>
  tensor(values, { shape, dtype, device });

function apply({ name, params, operands }: PrimitiveRun, device: DeviceName): Tensor {
  return bind(name, params as never, operands.map((operand) => place(operand, device)), device);
}

/** The order of axes from last to first, and how it is undone: the same. */
function turned(x: Tensor): Tensor {
  return transpose(x, x.shape.map((_, axis) => x.rank - 1 - axis));
}

/** The primitive on operands whose axes lie the other way round in memory; so does the result. */
function applyTurned({ name, params, operands }: PrimitiveRun, device: DeviceName): Tensor {
  const lying = operands.map((operand) => turned(place(operand, device)));
  const f = jit((...given: Tensor[]) => turned(bind(name, params as never, given.map(turned))));
  return f(...lying);
}

/** The sum of the sizes of what is added up in each element, and how many they are at most. */
function magnitudesOf({ name, params, operands }: PrimitiveRun): { sizes: Tensor; terms: number } {
  const given = operands.map((operand) => {
    const x = place(operand, "reference");
    return x.dtype === "float32" ? abs(x) : x;
  });
  const sizes = bind(name, params as never, given);
  const terms = operands.reduce((most, { shape }) => Math.max(most, sizeOf(shape)), 1) + 1;
  return { sizes, terms };
}

/** `lying` gives a result's axes the order in which its elements come. */
function check(
  run: PrimitiveRun,
  gpu: TestGpu,
  actual: readonly number[],
  expected: readonly number[],
  lying: (result: Tensor) => Tensor = (result) => result,
): void {
  const { name, operands, output } = run;
  assert.equal(actual.length, expected.length);
  const isWgsl = gpu.name === "gpu:wgsl";
  const allowed = ulps[name]?.[isWgsl ? 0 : 1] ?? 0;
  const isSum = sums.has(name) && output.dtype === "float32";
  const { sizes, terms } = isSum ? magnitudesOf(run) : { sizes: undefined, terms: 0 };
  const bounds = sizes && lying(sizes).dataSync();
  expected.forEach((wanted, i) => {
    const value = actual[i]!;
    // gpu.js does not promise the sign of zero.
    if (Object.is(value, wanted) || (!isWgsl && value === wanted)) return;
    if (output.dtype === "float32") {
      if (ulpsBetween("float32", value, wanted) <= allowed) return;
      if (bounds && Math.abs(value - wanted) <= 2.01 * terms * 2 ** -24 * bounds[i]!) return;
      // Devices may take subnormal numbers for zeros.
      if (isSubnormal(wanted) && value === 0) return;
    }
    if (output.dtype === "bfloat16" && isSubnormal(wanted)) return;
    const from = operands.map((x) => `${formatSpec(x)} [${x.values}]`).join("; ");
    assert.fail(
      `${name} ${
        JSON.stringify(run.params)
      } of ${from}: element ${i} is ${value}; expected ${wanted} (seed ${seed})`,
    );
  });
}

/** The elements of results, with one readback of the device. */
async function read(results: readonly Tensor[], device: DeviceName): Promise<number[][]> {
  for (const result of results) assert.equal(result.device, device);
  const arrays = await deviceGet(results);
  return arrays.map((array, i) => fromArray(results[i]!.dtype, array));
}

for (const gpu of gpus) {
  test(
    `${gpu.name}: every primitive is the reference's, on all dtypes and shapes`,
    { skip },
    async () => {
      for (const name of names) {
        const runs = runsOf(name, 6, seed);
        assert.ok(runs.length > 0, name);
        const results = await read(runs.map((run) => apply(run, gpu.name)), gpu.name);
        const expected = await read(runs.map((run) => apply(run, "reference")), "reference");
        runs.forEach((run, i) => check(run, gpu, results[i]!, expected[i]!));
      }
    },
  );

  test(
    `${gpu.name}: every primitive is the reference's where axes lie another way`,
    { skip },
    async () => {
      for (const name of names) {
        const runs = runsOf(name, 5, seed + 1)
          .filter(({ operands }) => operands.some(({ shape }) => shape.length > 1));
        const results = await read(runs.map((run) => applyTurned(run, gpu.name)), gpu.name);
        const expected = await read(
          runs.map((run) => turned(apply(run, "reference"))),
          "reference",
        );
        runs.forEach((run, i) => check(run, gpu, results[i]!, expected[i]!, turned));
      }
    },
  );
}
