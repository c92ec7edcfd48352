import { type Access, lateOf, type Loop, sweepsOf } from "../../src/backend/loop.ts";
import type { Kernel } from "../../src/backend/program.ts";
import { allocate, type DType, type TypedArray } from "../../src/core/dtype.ts";
import type { PrimitiveName } from "../../src/graph/instruction-set.ts";
import { encode } from "./cast.ts";
import { prepare } from "./prepare.ts";
import { limits } from "./reduce.ts";

/** A loop made ready: one array for each access, as `accessesOf` lists them. */
export type RunLoop = (arrays: readonly TypedArray[]) => void;

/** How a loop sees memory: its loads in order, then its stores. */
export function accessesOf({ statements, stores }: Loop): Access[] {
  const loads = statements.flatMap((each) => each.kind === "load" ? [each.access] : []);
  return [...loads, ...stores.map(({ access }) => access)];
}

/** What happens at a point of the nest. */
type Step = (point: readonly number[], arrays: readonly TypedArray[]) => void;

/** What happens in one sweep over the reduced axes: before it, at every point, and after it. */
interface Sweep {
  readonly starts: Step[];
  readonly everywhere: Step[];
  readonly afterwards: Step[];
}

/**
 * Makes a loop nest ready, to be walked point by point in row-major order: each statement has an array of one
 * element, which rounds its value, and the primitives are those that run alone.
 */
export function prepareLoop(loop: Loop): RunLoop {
  const { extents, reduced, statements, stores } = loop;
  const outer = extents.slice(0, extents.length - reduced);
  const inner = extents.slice(extents.length - reduced);
  const cells = statements.map(({ dtype }) => allocate(dtype, 1));
  const isLate = lateOf(loop);
  const sweepOf = sweepsOf(loop);
  const sweeps = Array.from({ length: 1 + (loop.sweeps?.length ?? 0) }, (): Sweep => ({
    starts: [],
    everywhere: [],
    afterwards: [],
  }));

  let nextAccess = 0;
  statements.forEach((statement, i) => {
    const cell = cells[i]!;
    const { starts, everywhere, afterwards } = sweeps[sweepOf[i]!]!;
    switch (statement.kind) {
      case "literal":
        cell[0] = encode(statement.dtype, statement.value);
        break;
      case "index": {
        const { axis, stride, offset, dtype } = statement;
        everywhere.push((point) => cell[0] = encode(dtype, point[axis]! * stride + offset));
        break;
      }
      case "load": {
        const [which, { access }] = [nextAccess++, statement];
        everywhere.push((point, arrays) => cell[0] = arrays[which]![positionOf(access, point)]!);
        break;
      }
      case "apply": {
        const args = statement.args.map((arg) => cells[arg]!);
        const dtypes = statement.args.map((arg) => statements[arg]!.dtype);
        const run = prepareScalar(statement.op, statement.params, dtypes, statement.dtype);
        (isLate[i] ? afterwards : everywhere).push(() => run(cell, args));
        break;
      }
      case "reduce": {
        const { op, dtype } = statement;
        const [largest, smallest] = limits(dtype);
        const initial = { sum: 0, max: smallest, min: largest }[op];
        const run = prepareScalar(op === "sum" ? "add" : op, {}, [dtype, dtype], dtype);
        const args = [cell, cells[statement.arg]!];
        starts.push(() => cell[0] = initial);
        everywhere.push(() => run(cell, args));
      }
    }
  });
  for (const { statement, access } of stores) {
    const [which, cell] = [nextAccess++, cells[statement]!];
    const { everywhere, afterwards } = sweeps[sweepOf[statement]!]!;
    (isLate[statement] ? afterwards : everywhere).push((point, arrays) =>
      arrays[which]![positionOf(access, point)] = cell[0]!
    );
  }

  return (arrays) => {
    for (const point of pointsOf(outer)) {
      for (const { starts, everywhere, afterwards } of sweeps) {
        for (const step of starts) step(point, arrays);
        for (const along of pointsOf(inner)) {
          const whole = [...point, ...along];
          for (const step of everywhere) step(whole, arrays);
        }
        for (const step of afterwards) step(point, arrays);
      }
    }
  };
}

/** A primitive on single elements. */
function prepareScalar(
  op: PrimitiveName,
  params: Kernel["params"],
  operands: readonly DType[],
  result: DType,
): (out: TypedArray, args: readonly TypedArray[]) => void {
  const kernel = {
    op,
    params,
    operands: operands.map((dtype, buffer) => ({ buffer, spec: { shape: [], dtype } })),
    output: { buffer: operands.length, spec: { shape: [], dtype: result } },
  };
  return prepare(kernel as Kernel);
}

/** The axes that a point lacks are reduced, and of stride 0. */
function positionOf({ offset, strides }: Access, point: readonly number[]): number {
  return point.reduce((sum, index, axis) => sum + index * strides[axis]!, offset);
}

/** Every point in row-major order; the list is reused. */
function* pointsOf(extents: readonly number[]): Generator<readonly number[]> {
  if (extents.includes(0)) return;
  const point = extents.map(() => 0);
  for (let axis = 0; axis >= 0;) {
    yield point;
    for (axis = extents.length - 1; axis >= 0; axis--) {
      if (++point[axis]! < extents[axis]!) break;
      point[axis] = 0;
    }
  }
}
