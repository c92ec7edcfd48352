import { allocate, type DType, type TypedArray } from "../../src/core/dtype.ts";
import { type Shape, sizeOf, stridesOf } from "../../src/core/shape.ts";
import type { Kernel } from "../../src/backend/program.ts";
import { tiles } from "./dot-tiles.ts";
import { prepareCopy } from "./movement.ts";
import type { Run } from "./run.ts";
import { collapseAxes, contiguous, planWalk, walkRows } from "./walk.ts";

/** One operand as matrices: where each batch's begins, and the strides of its free and contracted index. */
interface Matrices {
  readonly starts: readonly number[];
  readonly freeStride: number;
  readonly contractStride: number;
  /** The elements to read: the operand itself, or a copy of it in a better order. */
  readonly arrange: (operand: TypedArray) => TypedArray;
}

/** Makes `dot` ready: for each batch, a product of matrices. */
export function prepareDot({ params, operands }: Kernel<"dot">): Run {
  const { batch, contract } = params;
  const left = operands[0]!.spec;
  const right = operands[1]!.spec;
  const sides = [left, right].map(({ shape, dtype }, side) => {
    const batchAxes = batch.map((pair) => pair[side]!);
    const contractAxes = contract.map((pair) => pair[side]!);
    const freeAxes = shape.map((_, axis) => axis)
      .filter((axis) => !batchAxes.includes(axis) && !contractAxes.includes(axis));
    return {
      free: sizeOf(freeAxes.map((axis) => shape[axis]!)),
      matrices: arrangeMatrices(shape, dtype, batchAxes, freeAxes, contractAxes),
    };
  });
  const [{ free: m, matrices: a }, { free: n, matrices: b }] = sides as [
    typeof sides[0],
    typeof sides[0],
  ];
  const k = sizeOf(contract.map(([axis]) => left.shape[axis]!));
  const sizes = {
    m,
    n,
    k,
    am: a.freeStride,
    ak: a.contractStride,
    bk: b.contractStride,
    bn: b.freeStride,
  };
  const multiply = tiles(left.dtype);
  return (out, operands) => {
    const x = a.arrange(operands[0]!);
    const y = b.arrange(operands[1]!);
    for (let i = 0; i < a.starts.length; i++) {
      multiply(out, i * m * n, x, a.starts[i]!, y, b.starts[i]!, sizes);
    }
  };
}

/** Finds the strides of an operand, after copying it into order (batch, free, contract) where it needs them. */
function arrangeMatrices(
  shape: Shape,
  dtype: DType,
  batch: readonly number[],
  free: readonly number[],
  contract: readonly number[],
): Matrices {
  const strides = stridesOf(shape);
  const extentsOf = (axes: readonly number[]) => axes.map((axis) => shape[axis]!);
  const stridesAt = (axes: readonly number[]) => axes.map((axis) => strides[axis]!);
  const freeStride = singleStride(extentsOf(free), stridesAt(free));
  const contractStride = singleStride(extentsOf(contract), stridesAt(contract));
  if (freeStride !== undefined && contractStride !== undefined) {
    const starts = offsetsOf(extentsOf(batch), stridesAt(batch));
    return { starts, freeStride, contractStride, arrange: (operand) => operand };
  }
  const order = [...batch, ...free, ...contract];
  const ordered = extentsOf(order);
  const scratch = allocate(dtype, sizeOf(shape));
  const copy = prepareCopy(ordered, contiguous(ordered), { offset: 0, strides: stridesAt(order) });
  return {
    starts: offsetsOf(extentsOf(batch), stridesOf(ordered).slice(0, batch.length)),
    freeStride: sizeOf(extentsOf(contract)),
    contractStride: 1,
    arrange: (operand) => {
      copy(scratch, operand);
      return scratch;
    },
  };
}

/** The stride with which all of the axes can be walked as one, or undefined. */
function singleStride(shape: Shape, strides: readonly number[]): number | undefined {
  const axes = collapseAxes(shape, [strides]);
  if (axes.length > 1) return undefined;
  return axes[0]?.strides[0] ?? 0;
}

/** The offset of every index of a space, in row-major order. */
function offsetsOf(shape: Shape, strides: readonly number[]): number[] {
  const offsets: number[] = [];
  const walk = planWalk(shape, [{ offset: 0, strides }]);
  walkRows(walk, (at) => {
    for (let i = 0; i < walk.length; i++) offsets.push(at[0]! + i * walk.steps[0]!);
  });
  return offsets;
}
