import { sameShape, sizeOf, type TensorSpec } from "../core/shape.ts";
import {
  type Graph,
  type Instruction,
  isLiteral,
  type Operand,
  type Value,
} from "../graph/graph.ts";
import { isElementwise, type PrimitiveName } from "../graph/instruction-set.ts";
import { isView } from "./fuse-index-map.ts";
import { nextIdOf } from "./next-id.ts";
import type { OwningGraph } from "./outputs.ts";
import { bytesOf, type ElementBytes, elementBytesOf, type Target } from "./target.ts";

/**
 * What fusion may do with a value:
 * - given: an input or a constant, already in memory;
 * - opaque: made by a kernel of its own;
 * - inlined: a view, or so cheap that whoever needs it computes it again;
 * - computed: worth computing once;
 * - reduced: the result of a reduction.
 */
export type Role = "given" | "opaque" | "inlined" | "computed" | "reduced";

/** The values of a graph and what becomes of each. */
export interface Roles {
  /** Inputs and constants. */
  readonly given: readonly Value[];
  readonly instructions: readonly Instruction[];
  /** Of each value, by id, like the next two. */
  readonly producers: readonly (Instruction | undefined)[];
  readonly roles: readonly (Role | undefined)[];
  readonly specs: readonly (TensorSpec | undefined)[];
  readonly target: Target;
  /** Inlined values that must be in memory nevertheless: fusion may add to them. */
  readonly pinned: Set<number>;
  /** The value whose memory a value shares, because it is a reshape of it. */
  memoryOf(id: number): number;
}

const reductions = {
  reduceSum: "sum",
  reduceMax: "max",
  reduceMin: "min",
} as const;

type ReductionName = keyof typeof reductions;

/** Whether an instruction combines elements along axes in a way that loops know. */
export function isReduction(instruction: Instruction): instruction is Instruction<ReductionName> {
  return Object.hasOwn(reductions, instruction.op);
}

/** What a loop calls a reduction. */
export function reductionOf({ op }: Instruction<ReductionName>): "sum" | "max" | "min" {
  return reductions[op];
}

/** Decides the role of every value. No instruction may work on empty values: `fillEmpty`. */
export function assignRoles(graph: OwningGraph, target: Target): Roles {
  const limit = nextIdOf(graph);
  const roles = new Array<Role | undefined>(limit);
  const specs = new Array<TensorSpec | undefined>(limit);
  const producers = new Array<Instruction | undefined>(limit);
  const { instructions } = graph;
  const given = [...graph.inputs, ...graph.constants];
  for (const { id, spec } of given) {
    roles[id] = "given";
    specs[id] = spec;
  }

  /** The values of which reshapes are shown. */
  const shown = new Int32Array(limit).fill(-1);
  const memoryOf = (id: number): number => shown[id] === -1 ? id : shown[id]!;

  const spread = findSpread(graph, limit);
  const elementBytes = elementBytesOf(target);
  const costs = new Array<Cost | undefined>(limit);
  for (const instruction of instructions) {
    const { op, operands, output } = instruction;
    specs[output.id] = output.spec;
    producers[output.id] = instruction;
    const source = operands[0];
    if (op === "reshape" && !isLiteral(source!)) {
      shown[output.id] = memoryOf(source!.id);
    }
    let role = fitsLoop(instruction, target) ? simpleRoleOf(instruction) : "opaque";
    if (role === undefined || role === "inlined") {
      const cost = costOf(instruction, costs);
      role ??= isWorthStoring(instruction, cost, spread[output.id] === 1, elementBytes)
        ? "computed"
        : "inlined";
      if (role === "inlined") costs[output.id] = cost;
    }
    roles[output.id] = role;
  }

  if (target.buffersPerLoop === undefined) inlineChains(graph, roles, limit);

  const pinned = new Set<number>();
  const pin = (operand: Operand): void => {
    if (isLiteral(operand)) return;
    const id = memoryOf(operand.id);
    if (roles[id] === "inlined") pinned.add(id);
  };
  graph.outputs.forEach(pin);
  for (const { operands, output } of instructions) {
    if (roles[output.id] === "opaque") operands.forEach(pin);
  }
  return { given, instructions, producers, roles, specs, target, pinned, memoryOf };
}

const initial: Record<ReductionName, (dtype: string) => number> = {
  reduceSum: () => 0,
  reduceMax: (dtype) => dtype === "int32" ? -0x80000000 : dtype === "uint32" ? 0 : -Infinity,
  reduceMin: (dtype) => dtype === "int32" ? 0x7fffffff : dtype === "uint32" ? 0xffffffff : Infinity,
};

/** The instruction, or a number in its place where the result is empty or a reduction of nothing. */
export function fillEmpty(instruction: Instruction): Instruction {
  const { operands, output } = instruction;
  let value: number;
  if (sizeOf(output.spec.shape) === 0) value = 0;
  else if (isReduction(instruction) && sizeOf(operands[0]!.spec.shape) === 0) {
    value = initial[instruction.op](output.spec.dtype);
  } else return instruction;
  if (!isFusible(instruction)) return instruction;
  return { op: "full", params: { ...output.spec, value }, operands: [], output };
}

/** Whether an instruction can be part of a loop. bfloat16 only stores, so it is moved and cast, no more. */
function isFusible(instruction: Instruction): boolean {
  const { op, operands, output } = instruction;
  if (isView(instruction) || op === "full" || op === "iota" || op === "cast" || op === "select") {
    return true;
  }
  return (isElementwise(op) || isReduction(instruction)) && output.spec.dtype !== "bfloat16" &&
    operands.every(({ spec }) => spec.dtype !== "bfloat16");
}

/** What computing an inlined value again takes. */
interface Cost {
  readonly operations: number;
  /** The values in memory that are read, each once. */
  readonly reads: readonly Value[];
}

const nothing: readonly Value[] = [];

function costOf(instruction: Instruction, costs: readonly (Cost | undefined)[]): Cost {
  const { operands } = instruction;
  let reads = nothing;
  let operations = isView(instruction) || operands.length === 0 ? 0 : 1;
  for (const operand of operands) {
    if (isLiteral(operand)) continue;
    const cost = costs[operand.id];
    if (cost === undefined) {
      reads = union(reads, [operand]);
    } else {
      operations += cost.operations;
      reads = union(reads, cost.reads);
    }
  }
  return { operations, reads };
}

/** Short lists of values as one, without those that are in it already. */
function union(a: readonly Value[], b: readonly Value[]): readonly Value[] {
  if (a.length === 0) return b;
  const missing = b.filter(({ id }) => !a.some((other) => other.id === id));
  return missing.length === 0 ? a : [...a, ...missing];
}

// deno-fmt-ignore -- a line a family
const cheap: ReadonlySet<PrimitiveName> = new Set<PrimitiveName>([
  "neg", "abs", "sign", "floor", "ceil", "round", "isFinite", "not", "cast", "bitcast",
  "add", "sub", "mul", "max", "min", "equal", "less", "lessEqual", "and", "or", "xor",
  "shiftLeft", "shiftRight", "select",
]);

/** About how many cheap instructions an instruction is worth; Infinity for those that are functions. */
export function turnsOf(instruction: Instruction): number {
  const { op } = instruction;
  if (isView(instruction) || op === "full" || op === "iota") return 0;
  if (op === "div" || op === "sqrt") return 4;
  return cheap.has(op) ? 1 : Infinity;
}

const operationLimit = 4;
// Computing again should read about as much as reading the value would.
const readLimit = 1.3;

/** Whether an instruction can be part of a loop, and a loop of its own has few enough buffers. */
function fitsLoop(instruction: Instruction, { buffersPerLoop = Infinity }: Target): boolean {
  if (!isFusible(instruction)) return false;
  if (instruction.operands.length < buffersPerLoop) return true;
  return new Set(valuesOf(instruction).map(({ id }) => id)).size < buffersPerLoop;
}

/** Longer chains are cut, so that loops stay within bounds. */
const chainLimit = 40;

/**
 * Inlines what only one instruction at the same points needs: nothing is computed twice by that, and merging the loops
 * of both later would take longer. Not where the number of buffers decides what is one loop.
 */
function inlineChains(
  { instructions, outputs }: OwningGraph,
  roles: (Role | undefined)[],
  limit: number,
): void {
  const uses = new Int32Array(limit);
  for (const { operands } of instructions) {
    for (const operand of operands) if (!isLiteral(operand)) uses[operand.id]!++;
  }
  for (const { id } of outputs) uses[id]!++;
  /** How many instructions a computed value takes so; 0 for others. */
  const lengths = new Int32Array(limit);
  for (const instruction of instructions) {
    const { op, operands, output } = instruction;
    if (roles[output.id] !== "computed" || !isElementwise(op)) continue;
    let length = 1;
    for (const operand of operands) {
      if (isLiteral(operand) || lengths[operand.id] === 0 || uses[operand.id] !== 1) continue;
      const whole = length + lengths[operand.id]!;
      if (whole > chainLimit || !sameShape(operand.spec.shape, output.spec.shape)) continue;
      roles[operand.id] = "inlined";
      length = whole;
    }
    lengths[output.id] = length;
  }
}

/** The role of what is no cheap arithmetic. */
function simpleRoleOf(instruction: Instruction): Role | undefined {
  const { op } = instruction;
  if (isReduction(instruction)) return "reduced";
  if (isView(instruction) || op === "full" || op === "iota") return "inlined";
  return cheap.has(op) ? undefined : "computed";
}

/** Whether cheap arithmetic is better not computed by each who needs it. */
function isWorthStoring(
  { output }: Instruction,
  { operations, reads }: Cost,
  isSpread: boolean,
  elementBytes: ElementBytes,
): boolean {
  if (operations > operationLimit) return true;
  if (reads.length === 0) return false;
  if (isSpread) return true;
  let largest = bytesOf(output.spec, elementBytes);
  let total = 0;
  for (const { spec } of reads) {
    const bytes = bytesOf(spec, elementBytes);
    largest = Math.max(largest, bytes);
    total += bytes;
  }
  return total > readLimit * largest;
}

/** By id, whether something reads a value more than once for each element. */
function findSpread({ instructions }: Graph, limit: number): Uint8Array {
  const spread = new Uint8Array(limit);
  for (let at = instructions.length - 1; at >= 0; at--) {
    const instruction = instructions[at]!;
    const { operands, output } = instruction;
    const size = sizeOf(output.spec.shape);
    const passesOn = isView(instruction) && spread[output.id] === 1;
    for (const operand of operands) {
      if (isLiteral(operand)) continue;
      const grows = size > sizeOf(operand.spec.shape) && isFusible(instruction);
      if (grows || passesOn) spread[operand.id] = 1;
    }
  }
  return spread;
}

/** The values that an instruction takes. */
export function valuesOf({ operands }: Instruction): Value[] {
  return operands.filter((operand): operand is Value => !isLiteral(operand));
}
