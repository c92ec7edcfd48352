/** Primitives that are no loops as kernels of gpu.js. */
import type { Loop, Statement } from "../../src/backend/loop.ts";
import type { Kernel, KernelOperand } from "../../src/backend/program.ts";
import { isInteger } from "../../src/core/dtype.ts";
import { type Shape, sizeOf, stridesOf } from "../../src/core/shape.ts";
import { combineText } from "./apply.ts";
import { exactBound } from "./exactness.ts";
import { gridOf, indexText } from "./grid.ts";
import type { KernelSource } from "./kernel-source.ts";
import type { KernelLimits } from "./loop-kernels.ts";
import { createWriter, type Writer } from "./writer.ts";

/** A contraction as a loop: a sum for each element of the result. */
export function dotLoop({ params, operands, output }: Kernel<"dot">): Loop {
  const [left, right] = operands as [KernelOperand, KernelOperand];
  const { contract, batch } = params;
  const free = (side: 0 | 1): number[] =>
    operands[side]!.spec.shape.map((_, axis) => axis).filter((axis) =>
      ![...contract, ...batch].some((pair) => pair[side] === axis)
    );
  const axesOf = (side: 0 | 1): (number | undefined)[] => [
    ...batch.map((pair) => pair[side]),
    ...free(0).map((axis) => side === 0 ? axis : undefined),
    ...free(1).map((axis) => side === 1 ? axis : undefined),
    ...contract.map((pair) => pair[side]),
  ];
  const load = (operand: KernelOperand, side: 0 | 1): Statement => {
    const { dtype, shape } = operand.spec;
    if ("literal" in operand) return { kind: "literal", value: operand.literal, dtype };
    const own = stridesOf(shape);
    const strides = axesOf(side).map((axis) => axis === undefined ? 0 : own[axis]!);
    return { kind: "load", access: { buffer: operand.buffer, dtype, offset: 0, strides }, dtype };
  };
  const { dtype, shape } = output.spec;
  return {
    extents: [...shape, ...contract.map(([axis]) => left.spec.shape[axis]!)],
    reduced: contract.length,
    statements: [
      load(left, 0),
      load(right, 1),
      { kind: "apply", op: "mul", params: {}, args: [0, 1], dtype },
      { kind: "reduce", op: "sum", arg: 2, dtype },
    ],
    stores: [{
      statement: 3,
      access: {
        buffer: output.buffer,
        dtype,
        offset: 0,
        strides: [...stridesOf(shape), ...contract.map(() => 0)],
      },
    }],
  };
}

/**
 * One of the other primitives as a kernel that writes into a buffer of its own; undefined where gpu.js cannot do it, or
 * would take far too long.
 */
export function primitiveKernel(
  kernel: Kernel,
  result: number,
  limits: KernelLimits,
): KernelSource | undefined {
  const { operands, output } = kernel;
  if (operands.some((operand) => "literal" in operand)) return undefined;
  // Whole numbers beyond 2^24 cannot be moved through float32.
  const data = operands[0]?.spec.dtype;
  if (data === undefined || isInteger(data) || data === "float64") return undefined;
  // gpu.js knows no empty arrays.
  if ([output, ...operands].some(({ spec }) => sizeOf(spec.shape) === 0)) return undefined;
  const source = sourceOf(kernel, limits);
  return source && { ...source, result: { buffer: result, dtype: output.spec.dtype } };
}

function sourceOf(kernel: Kernel, limits: KernelLimits): KernelSource | undefined {
  switch (kernel.op) {
    case "conv":
      return convolution(kernel as Kernel<"conv">, limits);
    case "gather":
      return gathering(kernel as Kernel<"gather">, limits);
    case "scatterAdd":
      return scattering(kernel as Kernel<"scatterAdd">, limits);
    case "argMax":
      return argMaximum(kernel as Kernel<"argMax">, limits);
    case "cumSum":
      return cumulation(kernel as Kernel<"cumSum">, limits);
    default:
      return undefined;
  }
}

/** Writes a kernel with a thread for each point of `shape`, which is the result's. */
function overPoints(
  kernel: Kernel,
  shape: Shape,
  limits: KernelLimits,
  write: (writer: Writer, coordinates: readonly string[]) => string,
): KernelSource | undefined {
  const writer = createWriter(limits.rounds);
  const grid = gridOf(shape, limits, writer.call);
  if (grid === undefined) return undefined;
  const returned = write(writer, grid.coordinates);
  if (writer.turns() > limits.turns) return undefined;
  const { buffer, spec: { dtype } } = kernel.output;
  return writer.finish(returned, grid.output, { buffer, dtype });
}

function arrayOf(
  operand: KernelOperand,
): { buffer: number; dtype: KernelOperand["spec"]["dtype"] } {
  if ("literal" in operand) throw new Error("gpujs: a literal is no array");
  return { buffer: operand.buffer, dtype: operand.spec.dtype };
}

/** An index as a float is right up to 2^24, and whatever lies beyond is out of range as well. */
function gathering(kernel: Kernel<"gather">, limits: KernelLimits): KernelSource | undefined {
  const { params: { axis }, operands: [x, indices] } = kernel;
  const { shape, dtype } = x!.spec;
  const extent = shape[axis]!;
  if (extent > exactBound) return undefined;
  const outer = sizeOf(shape.slice(0, axis));
  const count = sizeOf(indices!.spec.shape);
  const inner = sizeOf(shape.slice(axis + 1));
  return overPoints(kernel as Kernel, [outer, count, inner], limits, (writer, coordinates) => {
    const missing = dtype === "bool" ? "0" : writer.hidden(NaN);
    const index = writer.define(writer.load(arrayOf(indices!), coordinates[1]!));
    const isInside = `${index} >= 0 && ${index} < ${extent}`;
    const safe = writer.define(`${isInside} ? ${index} : ${writer.hidden(0)}`);
    const at = indexText(0, [extent * inner, inner, 1], [
      coordinates[0]!,
      writer.call("wholeOf", safe),
      coordinates[2]!,
    ]);
    const value = writer.define(writer.load(arrayOf(x!), at));
    return `${isInside} ? ${value} : ${missing}`;
  });
}

/** More would be scanned by every element of the result than is worth it. */
const mostScanned = 4096;

function scattering(kernel: Kernel<"scatterAdd">, limits: KernelLimits): KernelSource | undefined {
  const { params: { axis, extent }, operands: [updates, indices] } = kernel;
  const { shape } = updates!.spec;
  const rank = indices!.spec.shape.length;
  const count = sizeOf(indices!.spec.shape);
  if (count > mostScanned || extent > exactBound) return undefined;
  const outer = sizeOf(shape.slice(0, axis));
  const inner = sizeOf(shape.slice(axis + rank));
  return overPoints(kernel as Kernel, [outer, extent, inner], limits, (writer, coordinates) => {
    const own = writer.define(`${coordinates[1]} + 0`);
    writer.line("let t = 0;");
    writer.openLoop("k", count);
    writer.open(`if (${writer.load(arrayOf(indices!), "k")} === ${own})`);
    const at = indexText(0, [count * inner, inner, 1], [coordinates[0]!, "k", coordinates[2]!]);
    const value = writer.define(writer.load(arrayOf(updates!), at));
    writer.line(`t = ${combineText(writer, "sum", "t", value)};`);
    writer.close();
    writer.close();
    return "t";
  });
}

/** Strides and extents before, along and after an axis. */
function around(shape: Shape, axis: number): [number, number, number] {
  return [sizeOf(shape.slice(0, axis)), shape[axis]!, sizeOf(shape.slice(axis + 1))];
}

function argMaximum(kernel: Kernel<"argMax">, limits: KernelLimits): KernelSource | undefined {
  const { params: { axis }, operands: [x] } = kernel;
  const [outer, extent, inner] = around(x!.spec.shape, axis);
  if (extent > exactBound) return undefined;
  return overPoints(kernel as Kernel, [outer, inner], limits, (writer, [block, lane]) => {
    const at = (i: string): string => indexText(0, [extent * inner, inner, 1], [block!, i, lane!]);
    writer.line(`let best = ${writer.load(arrayOf(x!), at("0"))};`);
    writer.line("let bestIndex = 0;");
    writer.openLoop("i", extent);
    const value = writer.define(writer.load(arrayOf(x!), at("i")));
    // Nothing is larger than a NaN.
    const isLarger = `${value} > best || ${writer.call("numberOf", value)} < 0.5`;
    writer.open(`if (${writer.call("numberOf", "best")} > 0.5 && (${isLarger}))`);
    writer.line(`best = ${value};`);
    writer.line("bestIndex = i;");
    writer.close();
    writer.close();
    return "bestIndex";
  });
}

/** Every element sums what lies before it. */
function cumulation(kernel: Kernel<"cumSum">, limits: KernelLimits): KernelSource | undefined {
  const { params: { axis, reverse }, operands: [x] } = kernel;
  const [outer, extent, inner] = around(x!.spec.shape, axis);
  if (extent > mostScanned || x!.spec.dtype !== "float32") return undefined;
  return overPoints(kernel as Kernel, [outer, extent, inner], limits, (writer, coordinates) => {
    const [block, own, lane] = coordinates as [string, string, string];
    // -0 is what changes no number: sums of nothing but -0 are -0.
    writer.line(`let t = ${writer.hidden(-0)};`);
    writer.openLoop("i", extent);
    const position = reverse ? `${extent - 1} - i` : "i";
    writer.open(`if (${position} ${reverse ? ">=" : "<="} ${own})`);
    const at = indexText(
      reverse ? (extent - 1) * inner : 0,
      [extent * inner, reverse ? -inner : inner, 1],
      [block, "i", lane],
    );
    const value = writer.define(writer.load(arrayOf(x!), at));
    writer.line(`t = ${combineText(writer, "sum", "t", value)};`);
    writer.close();
    writer.close();
    return "t";
  });
}

/** A sum over the window and the channels for each element of the result; padding is skipped. */
function convolution(kernel: Kernel<"conv">, limits: KernelLimits): KernelSource | undefined {
  const { params, operands: [x, w], output } = kernel;
  const { stride, low, inputDilation, kernelDilation } = params;
  const input = x!.spec.shape.slice(2, -1);
  const window = w!.spec.shape.slice(1, -2);
  const channels = x!.spec.shape.at(-1)!;
  return overPoints(kernel as Kernel, output.spec.shape, limits, (writer, coordinates) => {
    const [group, image] = coordinates as [string, string];
    const positions = coordinates.slice(2, -1);
    writer.line("let t = 0;");
    const taps = window.map((extent, axis) => {
      writer.openLoop(`w${axis}`, extent);
      return `w${axis}`;
    });
    const pixels = input.map((extent, axis) => {
      const dilation = inputDilation[axis]!;
      const spread = writer.define(
        indexText(-low[axis]!, [stride[axis]!, kernelDilation[axis]!], [
          positions[axis]!,
          taps[axis]!,
        ]),
      );
      const pixel = dilation === 1
        ? spread
        : writer.define(`Math.floor((${spread} + 0.5) / ${dilation})`);
      const isOnPixel = dilation === 1 ? "" : ` && ${pixel} * ${dilation} === ${spread}`;
      writer.open(`if (${pixel} >= 0 && ${pixel} < ${extent}${isOnPixel})`);
      return writer.call("wholeOf", pixel);
    });
    writer.line("let tc = 0;");
    writer.openLoop("c", channels);
    const ofImage = indexText(0, stridesOf(x!.spec.shape), [group, image, ...pixels, "c"]);
    const ofWindow = indexText(0, stridesOf(w!.spec.shape), [
      group,
      ...taps,
      "c",
      coordinates.at(-1)!,
    ]);
    const pixelValue = writer.define(writer.load(arrayOf(x!), ofImage));
    const weight = writer.define(writer.load(arrayOf(w!), ofWindow));
    writer.line(`tc = ${combineText(writer, "sum", "tc", `${pixelValue} * ${weight}`)};`);
    writer.close();
    writer.line(`t = ${combineText(writer, "sum", "t", "tc")};`);
    for (let i = 0; i < 2 * input.length; i++) writer.close();
    return "t";
  });
}
