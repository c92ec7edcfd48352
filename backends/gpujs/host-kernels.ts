/** What gpu.js cannot do, on the host: the reference's kernels on typed arrays. */
import { argumentsOf, lateOf, type Loop, type Statement } from "../../src/backend/loop.ts";
import type { AnyKernel, Kernel } from "../../src/backend/program.ts";
import { allocate, type DType, toBFloat16Bits, type TypedArray } from "../../src/core/dtype.ts";
import { sizeOf } from "../../src/core/shape.ts";

/** Makes a kernel of one primitive ready, on arrays in row-major order. */
export type Prepare = (
  kernel: Kernel,
) => (out: TypedArray, operands: readonly TypedArray[]) => void;

/** The array of a buffer, seen as a dtype. */
export type ArrayOf = (buffer: number, dtype: DType) => TypedArray;

/** A kernel on the arrays of its buffers. */
export type HostKernel = (arrayOf: ArrayOf) => void;

/** Makes any kernel ready. */
export function hostKernel(kernel: AnyKernel, prepare: Prepare): HostKernel {
  if (kernel.op === "loop") return hostLoop(kernel.loop, prepare);
  const run = prepare(kernel);
  return (arrayOf) => {
    const operands = kernel.operands.map((operand) =>
      "literal" in operand
        ? filled(operand.spec.dtype, 1, operand.literal)
        : arrayOf(operand.buffer, operand.spec.dtype)
    );
    run(arrayOf(kernel.output.buffer, kernel.output.spec.dtype), operands);
  };
}

/** A loop, one statement after the other: each is an array over all points, or over those of the outer axes. */
function hostLoop(loop: Loop, prepare: Prepare): HostKernel {
  const { extents, reduced, statements, stores } = loop;
  const late = lateOf(loop);
  const outer = extents.slice(0, extents.length - reduced);
  const [points, outerPoints] = [sizeOf(extents), sizeOf(outer)];
  const inner = sizeOf(extents.slice(outer.length));
  const shapeOf = (index: number): readonly number[] => late[index] ? outer : extents;
  const sizeAt = (index: number): number => late[index] ? outerPoints : points;

  /** What comes of a statement, given what came of those before it. */
  const evaluate = statements.map((statement, index) => {
    const { dtype } = statement;
    switch (statement.kind) {
      case "load": {
        const { access } = statement;
        return (_: readonly TypedArray[], arrayOf: ArrayOf) => {
          const from = arrayOf(access.buffer, access.dtype);
          const to = allocate(dtype, points);
          let i = 0;
          walk(extents, access.strides, access.offset, (at) => to[i++] = from[at]!);
          return to;
        };
      }
      case "literal":
        return () => filled(dtype, points, statement.value);
      case "index":
        return () => {
          const strides = extents.map((_, axis) => axis === statement.axis ? statement.stride : 0);
          const to = allocate(dtype, points);
          let i = 0;
          walk(extents, strides, statement.offset, (value) => to[i++] = value);
          return to;
        };
      case "apply":
      case "reduce": {
        const args = argumentsOf(statement);
        const size = sizeAt(index);
        // What a late statement takes from before the reduction is the same for all points of the inner axes.
        const shrinks = args.map((arg) => late[index] && !late[arg] && statement.kind === "apply");
        const run = prepare(
          kernelOf(statement, args.map((arg) => statements[arg]!.dtype), size, inner),
        );
        return (values: readonly TypedArray[]) => {
          const to = allocate(dtype, size);
          run(
            to,
            args.map((arg, i) =>
              shrinks[i] ? everyNth(values[arg]!, outerPoints, inner) : values[arg]!
            ),
          );
          return to;
        };
      }
    }
  });

  return (arrayOf) => {
    const values: TypedArray[] = [];
    for (const each of evaluate) values.push(each(values, arrayOf));
    for (const { statement, access } of stores) {
      const from = values[statement]!;
      const to = arrayOf(access.buffer, access.dtype);
      let i = 0;
      walk(shapeOf(statement), access.strides, access.offset, (at) => to[at] = from[i++]!);
    }
  };
}

/** A statement as a kernel of its primitive; its buffers are never looked at. */
function kernelOf(
  statement: Extract<Statement, { kind: "apply" | "reduce" }>,
  dtypes: readonly DType[],
  size: number,
  inner: number,
): Kernel {
  const { dtype } = statement;
  const isReduce = statement.kind === "reduce";
  const shape = isReduce ? [size, inner] : [size];
  const ops = { sum: "reduceSum", max: "reduceMax", min: "reduceMin" } as const;
  return {
    op: isReduce ? ops[statement.op] : statement.op,
    params: isReduce ? { axes: [1] } : statement.params,
    operands: dtypes.map((each, buffer) => ({ buffer, spec: { shape, dtype: each } })),
    output: { buffer: dtypes.length, spec: { shape: [size], dtype } },
  } as Kernel;
}

function filled(dtype: DType, size: number, value: number): TypedArray {
  const bits = dtype === "bfloat16"
    ? toBFloat16Bits(value)
    : dtype === "bool"
    ? +(value !== 0)
    : value;
  return allocate(dtype, size).fill(bits);
}

/** The first of each `step` elements. */
function everyNth(from: TypedArray, count: number, step: number): TypedArray {
  const to = from.slice(0, count);
  for (let i = 0; i < count; i++) to[i] = from[i * step]!;
  return to;
}

/** Positions in row-major order of the points. */
function walk(
  extents: readonly number[],
  strides: readonly number[],
  offset: number,
  visit: (at: number) => void,
  axis = 0,
): void {
  if (axis === extents.length) {
    visit(offset);
    return;
  }
  for (let i = 0; i < extents[axis]!; i++) {
    walk(extents, strides, offset + i * strides[axis]!, visit, axis + 1);
  }
}
