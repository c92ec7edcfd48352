import { bytesPerElement } from "../core/dtype.ts";
import { sizeOf, type TensorSpec } from "../core/shape.ts";
import type { BufferPlan, Kernel, KernelOperand, Program } from "../backend/program.ts";
import { type Graph, type Instruction, isLiteral, type Operand } from "../graph/graph.ts";
import { isElementwise } from "../graph/instruction-set.ts";
import { createArena } from "./arena.ts";

/**
 * Decides where every value lives and lists the kernels.
 *
 * - The inputs of the program are the graph's inputs, then its constants.
 * - An output takes over the memory of a donated input of the same size that is no longer needed; every
 *   other output is fresh, because it outlives the run.
 * - All other values live in one arena. Memory is reused as soon as a value is dead, and an element-wise
 *   kernel writes over an operand that dies in it.
 * - `reshape` moves nothing: its result is its operand's memory under another spec.
 */
export function plan(graph: Graph, donated: ReadonlySet<number>): Program {
  const buffers: BufferPlan[] = [];
  const bufferOf = new Map<number, number>();
  const inputs: TensorSpec[] = [];
  for (const value of [...graph.inputs, ...graph.constants]) {
    bufferOf.set(value.id, buffers.length);
    buffers.push({ kind: "input", input: inputs.length, byteLength: bytesOf(value.spec) });
    inputs.push(value.spec);
  }

  const instructions = materializeOutputs(graph);
  const roots = aliasRoots(instructions.list);
  const rootOf = (id: number): number => roots.get(id) ?? id;
  const lastUse = lastUses(instructions, rootOf);
  const outputRoots = new Set(instructions.outputs.map((output) => rootOf(output.id)));

  const arena = createArena();
  const arenaBlocks = new Map<number, { byteOffset: number; byteLength: number }>();
  const freeDonors = new Set(donated);
  const kernels: Kernel[] = [];

  instructions.list.forEach((instruction, time) => {
    const { op, params, operands, output } = instruction;
    const reads = operands.flatMap((operand) => isLiteral(operand) ? [] : [rootOf(operand.id)]);
    const release = () => {
      for (const root of new Set(reads)) {
        const block = arenaBlocks.get(root);
        if (block !== undefined && lastUse.get(root) === time) {
          arena.release(block);
          arenaBlocks.delete(root);
        }
      }
    };
    if (roots.has(output.id)) {
      bufferOf.set(output.id, bufferOf.get(rootOf(output.id))!);
      release();
      return;
    }

    const byteLength = bytesOf(output.spec);
    // An element-wise kernel may write where it reads, if it reads and writes the same index.
    const overwritable = isElementwise(op)
      ? operands.filter((operand): operand is Exclude<Operand, { literal: number }> =>
        !isLiteral(operand) && bytesOf(operand.spec) === byteLength &&
        sizeOf(operand.spec.shape) === sizeOf(output.spec.shape) &&
        lastUse.get(rootOf(operand.id)) === time
      ).map((operand) => rootOf(operand.id))
      : [];

    let buffer: number;
    if (outputRoots.has(output.id)) {
      const dead = (input: number): boolean => {
        const root = graph.inputs[input]!.id;
        const last = lastUse.get(root) ?? -1;
        return last < time || overwritable.includes(root);
      };
      const candidates = [...freeDonors].filter((input) =>
        bytesOf(inputs[input]!) === byteLength && dead(input)
      );
      // Prefer to overwrite what is being read: that memory is already in the cache.
      const donor = candidates.find((input) => overwritable.includes(graph.inputs[input]!.id)) ??
        candidates[0];
      if (donor === undefined) {
        buffer = buffers.push({ kind: "fresh", byteLength }) - 1;
      } else {
        freeDonors.delete(donor);
        buffer = donor;
      }
      release();
    } else {
      const inPlace = overwritable.find((root) => arenaBlocks.has(root));
      if (inPlace !== undefined) {
        const block = arenaBlocks.get(inPlace)!;
        arenaBlocks.delete(inPlace);
        arenaBlocks.set(output.id, block);
        buffer = bufferOf.get(inPlace)!;
        release();
      } else {
        const block = arena.acquire(byteLength);
        arenaBlocks.set(output.id, block);
        buffer = buffers.push({ kind: "arena", ...block, byteLength }) - 1;
        release();
      }
    }
    bufferOf.set(output.id, buffer);
    kernels.push({
      op,
      params,
      operands: operands.map((operand): KernelOperand =>
        isLiteral(operand) ? operand : { buffer: bufferOf.get(operand.id)!, spec: operand.spec }
      ),
      output: { buffer, spec: output.spec },
    });
  });

  return {
    buffers,
    kernels,
    inputs,
    outputs: instructions.outputs.map(({ id, spec }) => ({ buffer: bufferOf.get(id)!, spec })),
    arenaBytes: arena.byteLength(),
  };
}

function bytesOf(spec: TensorSpec): number {
  return sizeOf(spec.shape) * bytesPerElement(spec.dtype);
}

interface Listing {
  readonly list: readonly Instruction[];
  readonly outputs: readonly { readonly id: number; readonly spec: TensorSpec }[];
}

/**
 * Gives every output memory of its own: an output that is a number, an input, a constant, a view or a value
 * that is returned twice is copied by an instruction at the end.
 */
function materializeOutputs(graph: Graph): Listing {
  const list = [...graph.instructions];
  let nextId = 0;
  const borrowed = new Set<number>();
  const views = new Map<number, number>();
  for (const { id } of [...graph.inputs, ...graph.constants]) {
    borrowed.add(id);
    nextId = Math.max(nextId, id + 1);
  }
  for (const { op, operands: [source], output } of list) {
    nextId = Math.max(nextId, output.id + 1);
    if (op === "reshape" && !isLiteral(source!)) {
      const root = views.get(source!.id) ?? source!.id;
      views.set(output.id, root);
    }
  }
  const taken = new Set<number>();
  const outputs = graph.outputs.map((operand) => {
    const { spec } = operand;
    if (!isLiteral(operand)) {
      const root = views.get(operand.id) ?? operand.id;
      if (!borrowed.has(root) && !taken.has(root)) {
        taken.add(root);
        return { id: operand.id, spec };
      }
    }
    const id = nextId++;
    list.push(
      isLiteral(operand)
        ? {
          op: "full",
          params: { ...spec, value: operand.literal },
          operands: [],
          output: { id, spec },
        }
        : { op: "stopGradient", params: {}, operands: [operand], output: { id, spec } },
    );
    return { id, spec };
  });
  return { list, outputs };
}

/** For the result of every reshape, the value whose memory it shares. */
function aliasRoots(instructions: readonly Instruction[]): Map<number, number> {
  const roots = new Map<number, number>();
  for (const { op, operands: [source], output } of instructions) {
    if (op === "reshape" && !isLiteral(source!)) {
      roots.set(output.id, roots.get(source!.id) ?? source!.id);
    }
  }
  return roots;
}

/** When the memory of each value is read for the last time; outputs are read at the end of time. */
function lastUses({ list, outputs }: Listing, rootOf: (id: number) => number): Map<number, number> {
  const last = new Map<number, number>();
  list.forEach(({ operands }, time) => {
    for (const operand of operands) if (!isLiteral(operand)) last.set(rootOf(operand.id), time);
  });
  for (const { id } of outputs) last.set(rootOf(id), Infinity);
  return last;
}
