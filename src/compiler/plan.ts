import type { AnyKernel, BufferPlan, Program } from "../backend/program.ts";
import { bytesPerElement } from "../core/dtype.ts";
import { type Graph, isLiteral, type Value } from "../graph/graph.ts";
import { type Block, createArena } from "./arena.ts";
import {
  kernelOf,
  overwritableBy,
  type Pass,
  type PassList,
  primitivePasses,
  readsOf,
  writesOf,
} from "./passes.ts";
import { successorsOf } from "./successors.ts";
import { bytesOf, type ElementBytes } from "./target.ts";

/** Plans a graph with one kernel for each instruction. */
export function plan(
  graph: Graph,
  donated: ReadonlySet<number>,
  elementBytes: ElementBytes = bytesPerElement,
): Program {
  return planPasses(primitivePasses(graph), donated, elementBytes);
}

/**
 * Decides where every value lives and lists the kernels.
 *
 * - The inputs of the program are the graph's inputs, then its constants.
 * - An output takes over the memory of a donated input of the same size that is no longer needed; every
 *   other output is fresh, because it outlives the run.
 * - All other values live in one arena. Memory is reused as soon as a value is dead, and a pass writes over
 *   an operand that dies in it where it reads that operand only at the place that it writes.
 * - `reshape` moves nothing: its result is its operand's memory under another spec.
 */
export function planPasses(
  { inputs, passes, outputs }: PassList,
  donated: ReadonlySet<number>,
  elementBytes: ElementBytes,
): Program {
  const buffers: BufferPlan[] = [];
  const bufferOf = new Map<number, number>();
  inputs.forEach(({ id, spec }, input) => {
    bufferOf.set(id, buffers.length);
    buffers.push({ kind: "input", input, byteLength: bytesOf(spec, elementBytes) });
  });

  const roots = aliasRoots(passes);
  const rootOf = (id: number): number => roots.get(id) ?? id;
  const lastUse = lastUses(passes, outputs, rootOf);
  const outputRoots = new Set(outputs.map((output) => rootOf(output.id)));

  const arena = createArena();
  const blocks = new Map<number, Block>();
  const successors = successorsOf(
    outputs,
    [...donated].sort((a, b) => a - b).map((input) => ({ ...inputs[input]!, input })),
  );
  const kernels: AnyKernel[] = [];

  /** Donated inputs that no output has taken over yet, by size. */
  const donors = new Map<number, Set<number>>();
  for (const input of donated) {
    const size = bytesOf(inputs[input]!.spec, elementBytes);
    if (!donors.has(size)) donors.set(size, new Set());
    donors.get(size)!.add(input);
  }
  const inputOf = new Map(inputs.map(({ id }, input) => [id, input]));

  /** The buffer of a donated input that an output may take over at a time. */
  function takeDonor(
    { id, spec }: Value,
    time: number,
    overwritable: readonly number[],
  ): number | undefined {
    const fitting = donors.get(bytesOf(spec, elementBytes));
    if (fitting === undefined) return undefined;
    // Prefer to overwrite what is being read: that memory is already in the cache. Of that, prefer the input in whose
    // place the output comes back at the next call: then a training step finds everything where it was.
    const read = overwritable.map((id) => inputOf.get(id) ?? -1).filter((id) => fitting.has(id));
    const next = successors.get(id);
    const donor = read.length > 0
      ? read.find((input) => input === next) ?? Math.min(...read)
      : deadAt(time, fitting, next);
    if (donor !== undefined) fitting.delete(donor);
    return donor;
  }

  /** A candidate that nobody needs any more; the preferred one, if it is among them. */
  function deadAt(
    time: number,
    candidates: ReadonlySet<number>,
    preferred: number | undefined,
  ): number | undefined {
    const isDead = (input: number) => (lastUse.get(inputs[input]!.id) ?? -1) < time;
    if (preferred !== undefined && candidates.has(preferred) && isDead(preferred)) return preferred;
    for (const input of candidates) if (isDead(input)) return input;
    return undefined;
  }

  function placeOutput(write: Value, time: number, overwritable: readonly number[]): number {
    return takeDonor(write, time, overwritable) ??
      buffers.push({ kind: "fresh", byteLength: bytesOf(write.spec, elementBytes) }) - 1;
  }

  function placeInArena({ id, spec }: Value, overwritable: readonly number[]): number {
    const byteLength = bytesOf(spec, elementBytes);
    const inPlace = overwritable.find((root) => blocks.get(root)?.byteLength === byteLength);
    if (inPlace !== undefined) {
      blocks.set(id, blocks.get(inPlace)!);
      blocks.delete(inPlace);
      return bufferOf.get(inPlace)!;
    }
    const block = arena.acquire(byteLength);
    blocks.set(id, block);
    return buffers.push({ kind: "arena", ...block, byteLength }) - 1;
  }

  passes.forEach((pass, time) => {
    const isAlias = pass.kind === "primitive" && roots.has(pass.instruction.output.id);
    if (isAlias) {
      const { id } = pass.instruction.output;
      bufferOf.set(id, bufferOf.get(rootOf(id))!);
    } else {
      for (const write of writesOf(pass)) {
        const overwritable = overwritableBy(pass, write, elementBytes).map(rootOf)
          .filter((root) => lastUse.get(root) === time);
        const buffer = outputRoots.has(write.id)
          ? placeOutput(write, time, overwritable)
          : placeInArena(write, overwritable);
        bufferOf.set(write.id, buffer);
      }
      kernels.push(kernelOf(pass, (id) => bufferOf.get(id)!));
    }
    // What dies here is given back only now, so that nothing that is written shares it by chance.
    for (const root of new Set(readsOf(pass).map(rootOf))) {
      const block = blocks.get(root);
      if (block === undefined || lastUse.get(root) !== time) continue;
      arena.release(block);
      blocks.delete(root);
    }
  });

  return {
    buffers,
    kernels,
    inputs: inputs.map(({ spec }) => spec),
    outputs: outputs.map(({ id, spec }) => ({ buffer: bufferOf.get(id)!, spec })),
    arenaBytes: arena.byteLength(),
  };
}

/** For the result of every reshape, the value whose memory it shares. */
function aliasRoots(passes: readonly Pass[]): Map<number, number> {
  const roots = new Map<number, number>();
  for (const pass of passes) {
    if (pass.kind !== "primitive") continue;
    const { op, operands: [source], output } = pass.instruction;
    if (op === "reshape" && !isLiteral(source!)) {
      roots.set(output.id, roots.get(source!.id) ?? source!.id);
    }
  }
  return roots;
}

/** When the memory of each value is read for the last time; outputs are read at the end of time. */
function lastUses(
  passes: readonly Pass[],
  outputs: readonly Value[],
  rootOf: (id: number) => number,
): Map<number, number> {
  const last = new Map<number, number>();
  passes.forEach((pass, time) => {
    for (const id of readsOf(pass)) last.set(rootOf(id), time);
  });
  for (const { id } of outputs) last.set(rootOf(id), Infinity);
  return last;
}
