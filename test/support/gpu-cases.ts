import fc from "fast-check";
import "../../mod.ts";
import type { DType } from "../../src/core/dtype.ts";
import { DTypeError } from "../../src/core/errors.ts";
import { sizeOf, type TensorSpec } from "../../src/core/shape.ts";
import type { PrimitiveName } from "../../src/graph/instruction-set.ts";
import { primitiveOf } from "../../src/tracing/primitive.ts";
import { isSubnormal } from "./gpujs.ts";
import { anyElement } from "./kernel-arbitraries.ts";
import { type Application, type OperandCase, primitiveCases } from "./primitive-cases.ts";
import { type Elements, elements } from "./run-kernel.ts";
import { generator } from "./tensors.ts";

/** The dtypes of a GPU. */
export const gpuDTypes: readonly DType[] = ["float32", "int32", "uint32", "bool", "bfloat16"];

/** A primitive with its operands. */
export interface PrimitiveRun {
  readonly name: PrimitiveName;
  readonly params: object;
  readonly operands: readonly Elements[];
  readonly output: TensorSpec;
}

/** Primitives of float32 that round, whose operands must be where the reference is well-conditioned. */
const rounding: ReadonlySet<PrimitiveName> = new Set<PrimitiveName>([
  ...[
    "sqrt",
    "cbrt",
    "exp",
    "expm1",
    "log",
    "log1p",
    "sin",
    "cos",
    "tanh",
    "erf",
    "rcbrt",
    "logistic",
  ] as const,
  ...["add", "sub", "mul", "div", "pow", "rem", "customKernel"] as const,
  ...["reduceSum", "cumSum", "scatterAdd", "dot", "conv"] as const,
]);

/** What each application costs in a page would take a minute for all of them. */
const share = "document" in globalThis ? 0.5 : 1;

/** Some applications, among them one without elements and one of a single element. */
function applicationsOf(all: fc.Arbitrary<Application>, count: number): Application[] {
  const sizes = ({ operands }: Application) => operands.map(({ shape }) => sizeOf(shape));
  const sample = fc.sample(all, { numRuns: 60, seed: 11 });
  const [empty, single, ordinary] = [
    (each: Application) => sizes(each).includes(0),
    (each: Application) => sizes(each).every((size) => size === 1),
    (each: Application) => !sizes(each).includes(0) && sizes(each).some((size) => size > 1),
  ].map((belongs) => sample.filter(belongs));
  const few = [...empty!.slice(0, 1), ...single!.slice(0, 1)];
  return [...few, ...ordinary!.slice(0, Math.ceil(share * count) - few.length)];
}

/**
 * Applications of a primitive on every dtype that it takes. Shapes come from a seed that is always the same, since each
 * is a shader to compile; elements come from one that differs. Those of float32 are anything where results are exact, NaN
 * and infinities too; or, if they are to be "smooth", what derivatives are tested with.
 */
export function runsOf(
  name: PrimitiveName,
  count: number,
  seed: number,
  elementsAre: "any" | "smooth" = "any",
): PrimitiveRun[] {
  const next = generator(seed);
  const anyOf = (dtype: DType, n: number): number[] =>
    fc.sample(anyElement[dtype], { numRuns: n, seed: Math.floor(next() * 2 ** 31) })
      // Nothing is to be seen of what a primitive makes of what a device may have taken for zero.
      .map((x) => isSubnormal(x) ? 0 : x);
  const draw = ({ shape, range }: OperandCase, dtype: DType): Elements => {
    const size = sizeOf(shape);
    const isOwn = range.dtype !== "float64" ||
      dtype === "float32" && (elementsAre === "smooth" || rounding.has(name));
    const values = isOwn
      ? Array.from({ length: size }, (_, i) => Math.fround(range.draw(next, i, size)))
      : anyOf(dtype, size);
    return elements(dtype, shape, values);
  };
  return primitiveCases[name].flatMap(({ applications }) =>
    applicationsOf(applications as fc.Arbitrary<Application>, count)
      .flatMap(({ params, operands }): PrimitiveRun[] => {
        const isFloat64 = JSON.stringify([params, operands]).includes('"float64"');
        return (isFloat64 ? gpuDTypes : gpuDTypes.slice(0, 1)).flatMap((dtype) => {
          const own = (each: DType) => each === "float64" ? dtype : each;
          const drawn = operands.map((operand) => draw(operand, own(operand.range.dtype)));
          const chosen = "dtype" in params
            ? { ...params, dtype: own(params.dtype as DType) }
            : params;
          try {
            const output = primitiveOf(name).infer(chosen as never, ...drawn);
            return [{ name, params: chosen, operands: drawn, output }];
          } catch (error) {
            if (error instanceof DTypeError) return [];
            throw error;
          }
        });
      })
  );
}
