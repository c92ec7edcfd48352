import { type Access, hasColumns, type Loop, type Statement } from "./loop.ts";
import type { Kernel, KernelOperand } from "./program.ts";
import { threefryLoop } from "./threefry-loop.ts";
import { type Shape, sizeOf, stridesOf } from "../core/shape.ts";
import {
  type ElementwiseName,
  isElementwise,
  type PrimitiveParams,
} from "../graph/instruction-set.ts";

/** A kernel of one primitive as loop nests, one after the other; undefined where it is none. */
export function loopsOf(kernel: Kernel): readonly Loop[] | undefined {
  switch (kernel.op) {
    case "concat":
      return concatenation(kernel as Kernel<"concat">);
    case "pad":
      return padding(kernel as Kernel<"pad">);
    case "threefry2x32":
      return [threefryLoop(kernel as Kernel<"threefry2x32">)];
    default: {
      const loop = loopOf(kernel);
      return loop && [loop];
    }
  }
}

function loopOf(kernel: Kernel): Loop | undefined {
  if (isElementwise(kernel.op)) return elementwise(kernel as Kernel<ElementwiseName>);
  switch (kernel.op) {
    case "reshape":
      return copy(kernel, [sizeOf(kernel.output.spec.shape)], 0, [1]);
    case "transpose": {
      const { permutation } = kernel.params as PrimitiveParams["transpose"];
      const own = operandStrides(kernel);
      return copy(kernel, kernel.output.spec.shape, 0, permutation.map((axis) => own[axis]!));
    }
    case "broadcast": {
      const { axes } = kernel.params as PrimitiveParams["broadcast"];
      const { shape } = kernel.operands[0]!.spec;
      const own = operandStrides(kernel);
      const strides = kernel.output.spec.shape.map(() => 0);
      axes.forEach((axis, i) => strides[axis] = shape[i] === 1 ? 0 : own[i]!);
      return copy(kernel, kernel.output.spec.shape, 0, strides);
    }
    case "slice": {
      const { start, stride } = kernel.params as PrimitiveParams["slice"];
      const own = operandStrides(kernel);
      const strides = own.map((each, axis) => each * stride[axis]!);
      return copy(kernel, kernel.output.spec.shape, dotOf(start, own), strides);
    }
    case "flip": {
      const { axes } = kernel.params as PrimitiveParams["flip"];
      const { shape } = kernel.operands[0]!.spec;
      const own = operandStrides(kernel);
      const last = shape.map((extent, axis) => axes.includes(axis) ? extent - 1 : 0);
      const strides = own.map((each, axis) => axes.includes(axis) ? -each : each);
      return copy(kernel, shape, dotOf(last, own), strides);
    }
    case "iota": {
      const { shape, dtype, axis } = kernel.params as PrimitiveParams["iota"];
      const index: Statement = { kind: "index", axis, stride: 1, offset: 0, dtype };
      return nest(kernel, shape, [index]);
    }
    case "full": {
      const { dtype, value } = kernel.params as PrimitiveParams["full"];
      return nest(kernel, kernel.output.spec.shape, [{ kind: "literal", value, dtype }]);
    }
    case "reduceSum":
      return reduction(kernel, "sum");
    case "reduceMax":
      return reduction(kernel, "max");
    case "reduceMin":
      return reduction(kernel, "min");
    default:
      return undefined;
  }
}

/** All of `shape` at once: the last statement is stored. */
function nest(kernel: Kernel, shape: Shape, statements: readonly Statement[]): Loop {
  const access = accessOf(kernel.output, 0, stridesOf(shape));
  return {
    extents: shape,
    reduced: 0,
    statements,
    stores: [{ statement: statements.length - 1, access }],
  };
}

function elementwise(kernel: Kernel<ElementwiseName>): Loop {
  const { op, params, operands, output } = kernel;
  const rank = output.spec.shape.length;
  const loads = operands.map((operand): Statement => {
    const { shape } = operand.spec;
    const own = stridesOf(shape).map((stride, axis) => shape[axis] === 1 ? 0 : stride);
    const missing = new Array<number>(rank - shape.length).fill(0);
    return load(operand, 0, [...missing, ...own]);
  });
  const args = loads.map((_, i) => i);
  const apply: Statement = { kind: "apply", op, params, args, dtype: output.spec.dtype };
  return nest(kernel, output.spec.shape, [...loads, apply]);
}

function copy(kernel: Kernel, shape: Shape, offset: number, strides: readonly number[]): Loop {
  return nest(kernel, shape, [load(kernel.operands[0]!, offset, strides)]);
}

/** A copy of each operand to its place. */
function concatenation({ params: { axis }, operands, output }: Kernel<"concat">): Loop[] {
  const strides = stridesOf(output.spec.shape);
  let start = 0;
  return operands.map((operand) => {
    const { shape } = operand.spec;
    const to = accessOf(output, start * strides[axis]!, strides);
    start += shape[axis]!;
    return {
      extents: shape,
      reduced: 0,
      statements: [load(operand, 0, stridesOf(shape))],
      stores: [{ statement: 0, access: to }],
    };
  });
}

/** Zeros everywhere, then a copy. */
function padding(kernel: Kernel<"pad">): Loop[] {
  const { params: { low, inner }, operands: [operand], output } = kernel;
  const { shape, dtype } = operand!.spec;
  const own = stridesOf(output.spec.shape);
  const strides = own.map((stride, axis) => stride * (inner[axis]! + 1));
  return [
    nest(kernel as Kernel, output.spec.shape, [{ kind: "literal", value: 0, dtype }]),
    {
      extents: shape,
      reduced: 0,
      statements: [load(operand!, 0, stridesOf(shape))],
      stores: [{ statement: 0, access: accessOf(output, dotOf(low, own), strides) }],
    },
  ];
}

/** Kept axes first, then those that are reduced; neighbours that are alike are one. */
function reduction(kernel: Kernel, op: "sum" | "max" | "min"): Loop {
  const { axes } = kernel.params as PrimitiveParams["reduceSum"];
  const { shape, dtype } = kernel.operands[0]!.spec;
  const own = operandStrides(kernel);
  const groups: { extent: number; readonly reduced: boolean; stride: number }[] = [];
  shape.forEach((extent, axis) => {
    if (extent === 1) return;
    const reduced = axes.includes(axis);
    const last = groups.at(-1);
    if (last?.reduced === reduced) {
      last.extent *= extent;
      last.stride = own[axis]!;
    } else {
      groups.push({ extent, reduced, stride: own[axis]! });
    }
  });
  const [kept, reduced] = [false, true].map((each) => groups.filter((g) => g.reduced === each));
  // A reduction along nothing but axes of extent 1 is one too.
  if (reduced!.length === 0) reduced!.push({ extent: 1, reduced: true, stride: 0 });
  const extents = kept!.map(({ extent }) => extent);
  const order = [...kept!, ...reduced!];
  const from = load(kernel.operands[0]!, 0, order.map(({ stride }) => stride));
  const to = accessOf(kernel.output, 0, [...stridesOf(extents), ...reduced!.map(() => 0)]);
  return {
    extents: order.map(({ extent }) => extent),
    reduced: reduced!.length,
    ...hasColumns(groups) ? { columns: true } : {},
    statements: [from, { kind: "reduce", op, arg: 0, dtype }],
    stores: [{ statement: 1, access: to }],
  };
}

function operandStrides(kernel: Kernel): number[] {
  return stridesOf(kernel.operands[0]!.spec.shape);
}

function load(operand: KernelOperand, offset: number, strides: readonly number[]): Statement {
  const { dtype } = operand.spec;
  if ("literal" in operand) return { kind: "literal", value: operand.literal, dtype };
  return { kind: "load", access: accessOf(operand, offset, strides), dtype };
}

function accessOf(
  { buffer, spec: { dtype } }: Kernel["output"],
  offset: number,
  strides: readonly number[],
): Access {
  return { buffer, dtype, offset, strides };
}

function dotOf(index: readonly number[], strides: readonly number[]): number {
  return index.reduce((sum, at, axis) => sum + at * strides[axis]!, 0);
}
