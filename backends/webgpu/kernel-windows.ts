import type { Kernel } from "../../src/backend/program.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { lowerKernel } from "./kernels/mod.ts";
import { elementBytes, type Lowered, type Shader, type ShaderLimits } from "./shader.ts";

/** An axis along which a kernel is many kernels that do not depend on each other. */
interface Rows {
  /** Of the output and of the operands that move with it; what lies outside of it has one row. */
  readonly axis: number;
  /** Numbers of operands. */
  readonly moving: readonly number[];
}

interface Cut extends Rows {
  readonly extent: number;
  /** Bytes of a row in each buffer that moves. */
  readonly rowBytes: ReadonlyMap<number, number>;
}

/**
 * A kernel over buffers of which some are larger than what a device binds at once, as kernels over windows of them:
 * some rows each of the outermost axis. Where that does not help the shaders see whole buffers.
 */
export function lowerInWindows(
  kernel: Kernel,
  byteLengths: readonly number[],
  limits: ShaderLimits,
): Lowered {
  const firstBuffer = byteLengths.length;
  const isLarge = (buffer: number) => byteLengths[buffer]! > limits.bindingBytes;
  const cut = [...kernel.operands, kernel.output].map(bufferOf)
      .some((buffer) => buffer !== undefined && isLarge(buffer))
    ? cutOf(kernel)
    : undefined;
  const rows = cut === undefined ? 0 : rowsOfWindow([...cut.rowBytes.values()], limits);
  if (cut === undefined || rows === 0) return lowerKernel(kernel, firstBuffer, limits);
  const shaders: Shader[] = [];
  const buffers: number[] = [];
  for (let from = 0; from < cut.extent; from += rows) {
    const count = Math.min(rows, cut.extent - from);
    const lowered = lowerKernel(rowsOf(kernel, cut, count), firstBuffer + buffers.length, limits);
    for (const shader of lowered.shaders) {
      const bindings = shader.bindings.map((binding) => {
        const bytes = cut.rowBytes.get(binding.buffer);
        return bytes === undefined
          ? binding
          : { ...binding, byteOffset: from * bytes, byteLength: count * bytes };
      });
      shaders.push({ ...shader, bindings });
    }
    buffers.push(...lowered.buffers);
  }
  return { shaders, buffers };
}

/** So many rows of so many bytes each fit, and begin where buffers may be bound; 0 where none do. */
function rowsOfWindow(
  rowBytes: readonly number[],
  { bindingBytes, bindingAlignment }: ShaderLimits,
): number {
  // The alignment is a power of two: the row that needs the most of them is a multiple of what the others need.
  const grain = Math.max(...rowBytes.map((bytes) => {
    let rows = 1;
    while (rows * bytes % bindingAlignment !== 0) rows *= 2;
    return rows;
  }));
  return Math.floor(bindingBytes / Math.max(...rowBytes) / grain) * grain;
}

/** The outermost axis, if its rows are rows of buffers. */
function cutOf(kernel: Kernel): Cut | undefined {
  const { operands, output } = kernel;
  const rows = outermost(kernel);
  if (rows === undefined) return undefined;
  const { axis, moving } = rows;
  const extent = output.spec.shape[axis];
  const moved = [output, ...operands.filter((_, i) => moving.includes(i))];
  // Indices may be one number, without an axis.
  if (extent === undefined || moved.some(({ spec }) => spec.shape[axis] !== extent)) {
    return undefined;
  }
  const rowBytes = new Map<number, number>();
  for (const each of moved) {
    const buffer = bufferOf(each);
    if (buffer !== undefined) {
      rowBytes.set(buffer, sizeOf(each.spec.shape) / extent * elementBytes);
    }
  }
  // What is seen as a whole too cannot be seen through a window.
  const isSeenWhole = operands.some((each, i) =>
    !moving.includes(i) && rowBytes.has(bufferOf(each) ?? -1)
  );
  return isSeenWhole ? undefined : { axis, moving, extent, rowBytes };
}

const bufferOf = (each: Kernel["operands"][number]): number | undefined =>
  "buffer" in each ? each.buffer : undefined;

function outermost(kernel: Kernel): Rows | undefined {
  const first = kernel.operands[0]!.spec.shape;
  switch (kernel.op) {
    case "argMax":
    case "cumSum":
    case "scatterAdd":
      return (kernel as Kernel<"cumSum">).params.axis > 0 ? { axis: 0, moving: [0] } : undefined;
    case "gather":
      // The indices' first axis takes the place of the one that they run along.
      return { axis: 0, moving: [(kernel as Kernel<"gather">).params.axis > 0 ? 0 : 1] };
    case "dot": {
      const { batch, contract } = (kernel as Kernel<"dot">).params;
      if (batch.length > 0) {
        return batch[0]!.every((axis) => axis === 0) ? { axis: 0, moving: [0, 1] } : undefined;
      }
      // A vector has no rows: those of the result are the right operand's.
      const side = first.length > contract.length ? 0 : 1;
      return contract.some((pair) => pair[side] === 0) ? undefined : { axis: 0, moving: [side] };
    }
    case "conv":
      // Groups, or else examples.
      return first[0] === 1 ? { axis: 1, moving: [0] } : { axis: 0, moving: [0, 1] };
    default:
      return undefined;
  }
}

/** The kernel for so many rows. */
function rowsOf(kernel: Kernel, { axis, moving }: Cut, count: number): Kernel {
  const some = <T extends Kernel["operands"][number] | Kernel["output"]>(each: T): T => ({
    ...each,
    spec: { ...each.spec, shape: each.spec.shape.with(axis, count) },
  });
  return {
    ...kernel,
    operands: kernel.operands.map((each, i) => moving.includes(i) ? some(each) : each),
    output: some(kernel.output),
  };
}
