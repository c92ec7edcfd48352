import { type Access, lateOf, type Loop, sweepsOf } from "../backend/loop.ts";
import type { AnyKernel, Kernel, Program } from "../backend/program.ts";
import { bytesPerElement } from "../core/dtype.ts";
import { sizeOf } from "../core/shape.ts";
import { isElementwise, type PrimitiveParams } from "../graph/instruction-set.ts";
import { loadsOf } from "./passes.ts";
import { bytesOf, type ElementBytes } from "./target.ts";

/** What one kernel does. */
export interface KernelStatistics {
  /** Bytes of memory that it reads; an element that it needs several times counts once. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Arithmetic on elements; comparisons count, casts and movement do not. */
  readonly flops: number;
}

/** What a program does in one run, as its plan says. */
export interface ProgramStatistics extends KernelStatistics {
  /** Kernels in all, loops included. */
  readonly kernels: number;
  readonly loops: number;
  readonly arenaBytes: number;
}

/** Adds up what the kernels of a program do. */
export function programStatistics(
  program: Program,
  elementBytes: ElementBytes = bytesPerElement,
): ProgramStatistics {
  const each = program.kernels.map((kernel) => kernelStatistics(kernel, elementBytes));
  const total = (name: keyof KernelStatistics): number =>
    each.reduce((sum, statistics) => sum + statistics[name], 0);
  return {
    kernels: each.length,
    loops: program.kernels.filter(({ op }) => op === "loop").length,
    bytesRead: total("bytesRead"),
    bytesWritten: total("bytesWritten"),
    flops: total("flops"),
    arenaBytes: program.arenaBytes,
  };
}

/** What a kernel does. */
export function kernelStatistics(
  kernel: AnyKernel,
  elementBytes: ElementBytes = bytesPerElement,
): KernelStatistics {
  return kernel.op === "loop"
    ? loopStatistics(kernel.loop, elementBytes)
    : primitiveStatistics(kernel, elementBytes);
}

const moves: ReadonlySet<string> = new Set(["cast", "bitcast", "stopGradient", "select"]);

function loopStatistics(loop: Loop, elementBytes: ElementBytes): KernelStatistics {
  const { extents, reduced, statements, stores } = loop;
  const points = sizeOf(extents);
  const outerPoints = sizeOf(extents.slice(0, extents.length - reduced));
  const isLate = lateOf(loop);
  let flops = 0;
  statements.forEach((statement, index) => {
    if (statement.kind === "reduce") flops += points;
    if (statement.kind === "apply" && !moves.has(statement.op)) {
      flops += isLate[index] ? outerPoints : points;
    }
  });
  const bytes = (accesses: readonly Access[], over: readonly number[]): number =>
    accesses.reduce(
      (sum, access) => sum + elementsAccessed(access, over) * elementBytes(access.dtype),
      0,
    );
  const { loads, stores: written } = accessesOf(loop);
  const row = extents.map((extent, axis) => axis < extents.length - reduced ? 1 : extent);
  const staysInCache = bytes([...loads, ...written], row) <= cachedRow;
  return {
    bytesRead: bytes(staysInCache ? loads : loadsOf(loop), extents),
    bytesWritten: bytes(staysInCache ? written : stores.map(({ access }) => access), extents),
    flops,
  };
}

/** A row of so many bytes, of all arrays together, is still in the cache when the next sweep comes to it. */
const cachedRow = 2 ** 18;

/** What a loop reads and what it writes, each once for all sweeps, without what it has written itself. */
export function accessesOf(loop: Loop): { loads: Access[]; stores: Access[] } {
  const sweeps = sweepsOf(loop);
  const loads = new Map<string, Access>();
  const stores = new Map<string, Access>();
  const keyOf = ({ buffer, dtype, offset, strides }: Access): string =>
    `${buffer} ${dtype} ${offset} ${strides}`;
  const storedIn = new Map<number, number>();
  for (const { statement, access } of loop.stores) {
    stores.set(keyOf(access), access);
    const before = storedIn.get(access.buffer) ?? Infinity;
    storedIn.set(access.buffer, Math.min(before, sweeps[statement]!));
  }
  loop.statements.forEach((each, index) => {
    if (each.kind !== "load") return;
    const { access } = each;
    if (sweeps[index]! <= (storedIn.get(access.buffer) ?? Infinity)) {
      loads.set(keyOf(access), access);
    }
  });
  return { loads: [...loads.values()], stores: [...stores.values()] };
}

/** Axes of stride 0 repeat what was read. */
function elementsAccessed({ strides }: Access, extents: readonly number[]): number {
  if (extents.includes(0)) return 0;
  return sizeOf(extents.filter((_, axis) => strides[axis] !== 0));
}

function primitiveStatistics(
  { op, params, operands, output }: Kernel,
  elementBytes: ElementBytes,
): KernelStatistics {
  const read = new Map<number, number>();
  for (const operand of operands) {
    if ("buffer" in operand) read.set(operand.buffer, bytesOf(operand.spec, elementBytes));
  }
  let bytesRead = 0;
  for (const bytes of read.values()) bytesRead += bytes;
  return {
    bytesRead,
    bytesWritten: bytesOf(output.spec, elementBytes),
    flops: flopsOf({ op, params, operands, output }),
  };
}

function flopsOf({ op, params, operands, output }: Kernel): number {
  const size = sizeOf(output.spec.shape);
  if (isElementwise(op)) return moves.has(op) ? 0 : size;
  const [first] = operands;
  const read = first === undefined ? 0 : sizeOf(first.spec.shape);
  switch (op) {
    case "dot": {
      const { contract } = params as PrimitiveParams["dot"];
      return 2 * size * sizeOf(contract.map(([left]) => first!.spec.shape[left]!));
    }
    case "conv":
      // Every element of the window that gives one channel.
      return 2 * size * sizeOf(operands[1]!.spec.shape.slice(1, -1));
    case "reduceSum":
    case "reduceMax":
    case "reduceMin":
    case "argMax":
    case "cumSum":
    case "scatterAdd":
      return read;
    default:
      return 0;
  }
}
