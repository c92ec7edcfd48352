import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { referenceBackend } from "../backends/reference/mod.ts";
import type { DType } from "../src/core/dtype.ts";
import type { ElementwiseName } from "../src/graph/instruction-set.ts";
import { kernelProgram, type PrimitiveCase } from "./support/gpu-backend.ts";
import { isSubnormal, modes, runProgramsOn, skipped } from "./support/gpujs.ts";
import { anyElement } from "./support/kernel-arbitraries.ts";
import { elements, runKernel } from "./support/run-kernel.ts";
import { ulpsBetween } from "./support/run-loop.ts";

const reference = referenceBackend();
const integers: DType[] = ["int32", "uint32"];
const everything: DType[] = ["float32", ...integers, "bool", "bfloat16"];

/** What an operation takes, how far it may be off, and the dtypes for which gpu.js is exact enough to be used. */
interface Case {
  readonly dtypes: readonly DType[];
  readonly operands: number;
  readonly result?: DType;
  readonly ulps?: number;
  readonly elsewhere?: readonly DType[];
  /** Not elsewhere where functions are those of WGSL. */
  readonly isOfWgsl?: true;
}

const close = (ulps: number): Case => ({ dtypes: ["float32"], operands: 1, ulps });
const ofNumbers: Case = {
  dtypes: ["float32", ...integers],
  operands: 2,
  elsewhere: integers,
};
const compares: Case = {
  dtypes: ["float32", ...integers, "bool"],
  operands: 2,
  result: "bool",
  elsewhere: integers,
};
const ofBits: Case = { dtypes: [...integers, "bool"], operands: 2, elsewhere: integers };
const shifts: Case = { dtypes: integers, operands: 2, elsewhere: integers };
const signed: Case = { dtypes: ["float32", "int32"], operands: 1, elsewhere: ["int32"] };

const cases: Readonly<
  Record<Exclude<ElementwiseName, "cast" | "bitcast" | "select">, Case>
> = {
  neg: signed,
  abs: signed,
  // -1, 0 and 1 are exact, whatever the number was rounded to.
  sign: { dtypes: ["float32", "int32"], operands: 1 },
  floor: close(0),
  ceil: close(0),
  round: close(0),
  // WGSL allows some units to sqrt and division.
  sqrt: close(3),
  cbrt: close(2),
  rcbrt: close(3),
  exp: close(2),
  expm1: close(4),
  log: close(2),
  log1p: close(4),
  sin: { ...close(3), elsewhere: ["float32"], isOfWgsl: true },
  cos: { ...close(3), elsewhere: ["float32"], isOfWgsl: true },
  tanh: close(4),
  logistic: close(5),
  erf: close(5),
  isFinite: { dtypes: ["float32"], operands: 1, result: "bool" },
  not: { ...ofBits, operands: 1 },
  stopGradient: { dtypes: everything, operands: 1, elsewhere: integers },
  add: ofNumbers,
  sub: ofNumbers,
  mul: ofNumbers,
  div: { ...close(3), operands: 2 },
  rem: { ...ofNumbers, elsewhere: ofNumbers.dtypes },
  pow: { ...close(8), operands: 2 },
  max: ofNumbers,
  min: ofNumbers,
  equal: compares,
  less: compares,
  lessEqual: compares,
  and: ofBits,
  or: ofBits,
  xor: ofBits,
  shiftLeft: shifts,
  shiftRight: shifts,
};

const count = 1000;

/** All that is awkward in every order, and the rest at random. */
function sample(dtype: DType, seed: number): number[] {
  return fc.sample(anyElement[dtype], { numRuns: count, seed });
}

function assertClose(actual: readonly number[], each: PrimitiveCase, ulps: number): void {
  const { op, params, operands, output } = each;
  const expected = runKernel(reference, op, params as never, operands, output);
  assert.equal(actual.length, expected.length);
  actual.forEach((value, i) => {
    const wanted = expected[i]!;
    // The sign of zero is not promised.
    if (value === wanted) return;
    if (output.dtype === "float32" && ulpsBetween("float32", value, wanted) <= ulps) return;
    if (Object.is(value, wanted)) return;
    const args = operands.map((operand) =>
      typeof operand === "number" ? operand : operand.values[i]!
    );
    const areFloats = typeof operands[0] !== "number" && /float/.test(operands[0]!.dtype);
    if (areFloats && [...args, wanted].some(isSubnormal)) return;
    assert.fail(`${op} of ${args.join(" and ")} is ${value}; expected ${wanted} (${output.dtype})`);
  });
}

for (const mode of modes) {
  const options = { skip: await skipped(mode) };
  const substitute = mode === "webgpu" ? "WGSL" : "host";

  test(
    `gpujs ${mode}: element-wise operations are the reference's on every dtype`,
    options,
    async () => {
      const all = Object.entries(cases).flatMap((
        [op, { dtypes, operands, result, ulps = 0, elsewhere, isOfWgsl }],
      ) =>
        dtypes.map((dtype) => ({
          ulps,
          way: elsewhere?.includes(dtype) && !(isOfWgsl && mode === "webgpu")
            ? substitute
            : "gpu.js",
          each: {
            op: op as ElementwiseName,
            params: {},
            operands: Array.from(
              { length: operands },
              (_, i) => elements(dtype, [count], sample(dtype, i + 1)),
            ),
            output: { shape: [count], dtype: result ?? dtype },
          } satisfies PrimitiveCase,
        }))
      );
      const results = await runProgramsOn(mode, all.map(({ each }) => kernelProgram(each)));
      all.forEach(({ each, ulps, way }, i) => {
        assert.deepEqual(results[i]!.ways, [way], `${each.op} ${each.operands[0]!.dtype}`);
        assertClose(results[i]!.values[0]!, each, ulps);
      });
    },
  );

  test(`gpujs ${mode}: casts are the reference's between all dtypes`, options, async () => {
    const all = everything.flatMap((from) =>
      everything.map((to): PrimitiveCase => ({
        op: "cast",
        params: { dtype: to },
        operands: [elements(from, [count], sample(from, 1))],
        output: { shape: [count], dtype: to },
      }))
    );
    const results = await runProgramsOn(mode, all.map(kernelProgram));
    all.forEach((each, i) => assertClose(results[i]!.values[0]!, each, 0));
  });

  test(
    `gpujs ${mode}: select and bitcast are the reference's on every dtype`,
    options,
    async () => {
      const condition = elements("bool", [count], sample("bool", 3));
      const all = everything.flatMap((dtype): PrimitiveCase[] => {
        const [a, b] = [
          elements(dtype, [count], sample(dtype, 1)),
          elements(dtype, [count], sample(dtype, 2)),
        ];
        const output = { shape: [count], dtype };
        return [
          { op: "select", params: {}, operands: [condition, a, b], output },
          { op: "bitcast", params: { dtype }, operands: [a], output },
        ];
      });
      const results = await runProgramsOn(mode, all.map(kernelProgram));
      all.forEach((each, i) => {
        const [last] = each.operands.slice(-1);
        if (typeof last === "object" && /float/.test(last.dtype)) {
          // The operand in the first place is a truth value.
          const { values } = last;
          const expected = runKernel(
            reference,
            each.op,
            each.params as never,
            each.operands,
            each.output,
          );
          results[i]!.values[0]!.forEach((value, k) => {
            const isFlushed = isSubnormal(expected[k]!) || isSubnormal(values[k]!);
            if (!isFlushed) assert.equal(value + 0, expected[k]! + 0, `${each.op} ${k}`);
          });
        } else assertClose(results[i]!.values[0]!, each, 0);
      });
    },
  );
}
