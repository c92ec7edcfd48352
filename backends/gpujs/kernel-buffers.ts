import type { Access, Loop } from "../../src/backend/loop.ts";
import type { AnyKernel, Kernel } from "../../src/backend/program.ts";
import type { DType } from "../../src/core/dtype.ts";

/** A buffer that a kernel uses. */
export interface UsedBuffer {
  readonly buffer: number;
  readonly dtype: DType;
  readonly isWritten: boolean;
}

/** The buffers that a kernel reads and writes, each once for every dtype that it is seen as. */
export function accessedBuffers(kernel: AnyKernel): UsedBuffer[] {
  const used = new Map<string, UsedBuffer>();
  const add = (buffer: number, dtype: DType, isWritten: boolean): void => {
    const key = `${buffer} ${dtype}`;
    const known = used.get(key);
    used.set(key, { buffer, dtype, isWritten: isWritten || known?.isWritten === true });
  };
  if (kernel.op === "loop") {
    for (const statement of kernel.loop.statements) {
      if (statement.kind === "load") add(statement.access.buffer, statement.access.dtype, false);
    }
    for (const { access } of kernel.loop.stores) add(access.buffer, access.dtype, true);
  } else {
    for (const operand of kernel.operands) {
      if (!("literal" in operand)) add(operand.buffer, operand.spec.dtype, false);
    }
    add(kernel.output.buffer, kernel.output.spec.dtype, true);
  }
  return [...used.values()];
}

/** The same, each buffer once; one that is written over is seen as what is written. */
export function buffersOf(kernel: AnyKernel): UsedBuffer[] {
  const used = new Map<number, UsedBuffer>();
  for (const each of accessedBuffers(kernel)) {
    if (used.get(each.buffer)?.isWritten !== true) used.set(each.buffer, each);
  }
  return [...used.values()];
}

/** The kernel on other numbers of buffers. */
export function renumbered(kernel: AnyKernel, to: (buffer: number) => number): AnyKernel {
  if (kernel.op === "loop") return { op: "loop", loop: renumberedLoop(kernel.loop, to) };
  return {
    ...kernel,
    operands: kernel.operands.map((operand) =>
      "literal" in operand ? operand : { ...operand, buffer: to(operand.buffer) }
    ),
    output: { ...kernel.output, buffer: to(kernel.output.buffer) },
  } as Kernel;
}

function renumberedLoop(loop: Loop, to: (buffer: number) => number): Loop {
  const moved = (access: Access): Access => ({ ...access, buffer: to(access.buffer) });
  return {
    ...loop,
    statements: loop.statements.map((statement) =>
      statement.kind === "load" ? { ...statement, access: moved(statement.access) } : statement
    ),
    stores: loop.stores.map((store) => ({ ...store, access: moved(store.access) })),
  };
}
