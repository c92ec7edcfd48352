import { type Access, type Loop, sweepsOf } from "../backend/loop.ts";
import type { AnyKernel, KernelOperand } from "../backend/program.ts";
import { sizeOf } from "../core/shape.ts";
import { type Graph, type Instruction, isLiteral, type Value } from "../graph/graph.ts";
import { isElementwise } from "../graph/instruction-set.ts";
import { withOwnOutputs } from "./outputs.ts";
import { bytesOf, type ElementBytes } from "./target.ts";

/** One pass over memory before it is known where values live: one instruction, or many in one loop nest. */
export type Pass =
  | { readonly kind: "primitive"; readonly instruction: Instruction }
  /** The buffers in its accesses are ids of values. */
  | { readonly kind: "loop"; readonly loop: Loop; readonly writes: readonly Value[] };

/** A graph as passes in order. */
export interface PassList {
  /** The graph's inputs, then its constants. */
  readonly inputs: readonly Value[];
  readonly passes: readonly Pass[];
  /** Each has memory of its own. */
  readonly outputs: readonly Value[];
}

/** One pass for each instruction. */
export function primitivePasses(graph: Graph): PassList {
  const { inputs, constants, instructions, outputs } = withOwnOutputs(graph);
  const passes = instructions.map((instruction): Pass => ({ kind: "primitive", instruction }));
  return { inputs: [...inputs, ...constants], passes, outputs };
}

/** What a loop loads. */
export function loadsOf(loop: Loop): Access[] {
  return loop.statements.flatMap((statement) =>
    statement.kind === "load" ? [statement.access] : []
  );
}

/** The ids of the values that a pass reads. */
export function readsOf(pass: Pass): number[] {
  if (pass.kind === "loop") return loadsOf(pass.loop).map(({ buffer }) => buffer);
  return pass.instruction.operands.flatMap((operand) => isLiteral(operand) ? [] : [operand.id]);
}

/** What a pass makes. */
export function writesOf(pass: Pass): readonly Value[] {
  return pass.kind === "loop" ? pass.writes : [pass.instruction.output];
}

/**
 * Which of the values that a pass reads may lose their memory to one that it writes: those that it reads
 * only where it writes, so that every element is read before it is written over.
 */
export function overwritableBy(pass: Pass, write: Value, elementBytes: ElementBytes): number[] {
  const byteLength = bytesOf(write.spec, elementBytes);
  if (pass.kind === "primitive") {
    const { op, operands } = pass.instruction;
    if (!isElementwise(op)) return [];
    return operands.flatMap((operand) =>
      !isLiteral(operand) && bytesOf(operand.spec, elementBytes) === byteLength &&
        sizeOf(operand.spec.shape) === sizeOf(write.spec.shape)
        ? [operand.id]
        : []
    );
  }
  const { loop } = pass;
  const sweeps = sweepsOf(loop);
  const stores = loop.stores.filter(({ access }) => access.buffer === write.id);
  const [{ access }] = stores as [Loop["stores"][number]];
  const first = Math.min(...stores.map(({ statement }) => sweeps[statement]!));
  const kept = new Set<number>();
  const others = new Set<number>();
  loop.statements.forEach((statement, index) => {
    if (statement.kind !== "load") return;
    const { access: load } = statement;
    const isBefore = sweeps[index]! <= first && sameElements(load, access, elementBytes);
    (isBefore ? kept : others).add(load.buffer);
  });
  return [...kept].filter((id) => !others.has(id));
}

/** Whether two accesses touch the same bytes at every point. */
function sameElements(a: Access, b: Access, elementBytes: ElementBytes): boolean {
  return a.offset === b.offset && elementBytes(a.dtype) === elementBytes(b.dtype) &&
    a.strides.every((stride, axis) => stride === b.strides[axis]);
}

/** The kernel that a pass becomes, given the buffer of each value. */
export function kernelOf(pass: Pass, bufferOf: (id: number) => number): AnyKernel {
  if (pass.kind === "primitive") {
    const { op, params, operands, output } = pass.instruction;
    return {
      op,
      params,
      operands: operands.map((operand): KernelOperand =>
        isLiteral(operand) ? operand : { buffer: bufferOf(operand.id), spec: operand.spec }
      ),
      output: { buffer: bufferOf(output.id), spec: output.spec },
    };
  }
  return { op: "loop", loop: withBuffers(pass.loop, bufferOf) };
}

/** A loop over other buffers. */
export function withBuffers(loop: Loop, bufferOf: (buffer: number) => number): Loop {
  const place = (access: Access): Access => ({ ...access, buffer: bufferOf(access.buffer) });
  return {
    ...loop,
    statements: loop.statements.map((statement) =>
      statement.kind === "load" ? { ...statement, access: place(statement.access) } : statement
    ),
    stores: loop.stores.map(({ statement, access }) => ({ statement, access: place(access) })),
  };
}
