import { sameShape, sizeOf, type TensorSpec } from "../core/shape.ts";
import { type Instruction, isLiteral, type Operand, type Value } from "../graph/graph.ts";
import { isElementwise, type PrimitiveName } from "../graph/instruction-set.ts";
import { isView } from "./fuse-index-map.ts";
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
  readonly instructions: readonly Instruction[];
  readonly producers: ReadonlyMap<number, Instruction>;
  readonly roles: ReadonlyMap<number, Role>;
  readonly specs: ReadonlyMap<number, TensorSpec>;
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
  const roles = new Map<number, Role>();
  const specs = new Map<number, TensorSpec>();
  const producers = new Map<number, Instruction>();
  const { instructions } = graph;
  for (const { id, spec } of [...graph.inputs, ...graph.constants]) {
    roles.set(id, "given");
    specs.set(id, spec);
  }

  const reshaped = new Map<number, number>();
  const memoryOf = (id: number): number => reshaped.get(id) ?? id;

  const spread = findSpread(instructions);
  const elementBytes = elementBytesOf(target);
  const costs = new Map<number, Cost>();
  for (const instruction of instructions) {
    const { output } = instruction;
    specs.set(output.id, output.spec);
    producers.set(output.id, instruction);
    const [source] = instruction.operands;
    if (instruction.op === "reshape" && !isLiteral(source!)) {
      reshaped.set(output.id, memoryOf(source!.id));
    }
    let role = fitsLoop(instruction, target) ? simpleRoleOf(instruction) : "opaque";
    if (role === undefined || role === "inlined") {
      const cost = costOf(instruction, costs, roles, elementBytes);
      role ??= isWorthStoring(instruction, cost, spread, elementBytes) ? "computed" : "inlined";
      if (role === "inlined") costs.set(output.id, cost);
    }
    roles.set(output.id, role);
  }

  if (target.buffersPerLoop === undefined) inlineChains(graph, roles);

  const pinned = new Set<number>();
  const pin = (operand: Operand): void => {
    if (isLiteral(operand)) return;
    const id = memoryOf(operand.id);
    if (roles.get(id) === "inlined") pinned.add(id);
  };
  graph.outputs.forEach(pin);
  for (const { operands, output } of instructions) {
    if (roles.get(output.id) === "opaque") operands.forEach(pin);
  }
  return { instructions, producers, roles, specs, target, pinned, memoryOf };
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
  /** Bytes read of each value in memory. */
  readonly reads: ReadonlyMap<number, number>;
}

const free: Cost = { operations: 0, reads: new Map() };

function costOf(
  instruction: Instruction,
  costs: ReadonlyMap<number, Cost>,
  roles: ReadonlyMap<number, Role>,
  elementBytes: ElementBytes,
): Cost {
  const { operands } = instruction;
  const reads = new Map<number, number>();
  let operations = isView(instruction) || operands.length === 0 ? 0 : 1;
  for (const operand of operands) {
    if (isLiteral(operand)) continue;
    const { id, spec } = operand;
    if (roles.get(id) === "inlined") {
      const cost = costs.get(id)!;
      operations += cost.operations;
      for (const [source, bytes] of cost.reads) reads.set(source, bytes);
    } else {
      reads.set(id, bytesOf(spec, elementBytes));
    }
  }
  return operands.length === 0 ? free : { operations, reads };
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
function inlineChains({ instructions, outputs }: OwningGraph, roles: Map<number, Role>): void {
  const uses = new Map<number, number>();
  const use = (operand: Operand): void => {
    if (!isLiteral(operand)) uses.set(operand.id, (uses.get(operand.id) ?? 0) + 1);
  };
  for (const { operands } of instructions) operands.forEach(use);
  outputs.forEach(use);
  const lengths = new Map<number, number>();
  for (const instruction of instructions) {
    const { op, operands, output } = instruction;
    if (roles.get(output.id) !== "computed" || !isElementwise(op)) continue;
    let length = 1;
    for (const operand of operands) {
      if (isLiteral(operand) || roles.get(operand.id) !== "computed") continue;
      const whole = length + (lengths.get(operand.id) ?? chainLimit);
      const isOnly = uses.get(operand.id) === 1 && sameShape(operand.spec.shape, output.spec.shape);
      if (!isOnly || whole > chainLimit) continue;
      roles.set(operand.id, "inlined");
      length = whole;
    }
    lengths.set(output.id, length);
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
  spread: ReadonlySet<number>,
  elementBytes: ElementBytes,
): boolean {
  if (operations > operationLimit) return true;
  if (reads.size === 0) return false;
  let [largest, total] = [bytesOf(output.spec, elementBytes), 0];
  for (const bytes of reads.values()) {
    largest = Math.max(largest, bytes);
    total += bytes;
  }
  return spread.has(output.id) || total > readLimit * largest;
}

/** Values that something reads more than once for each element. */
function findSpread(instructions: readonly Instruction[]): Set<number> {
  const spread = new Set<number>();
  for (const instruction of instructions.toReversed()) {
    const { operands, output } = instruction;
    const size = sizeOf(output.spec.shape);
    const passesOn = isView(instruction) && spread.has(output.id);
    for (const operand of operands) {
      if (isLiteral(operand)) continue;
      const grows = size > sizeOf(operand.spec.shape) && isFusible(instruction);
      if (grows || passesOn) spread.add(operand.id);
    }
  }
  return spread;
}

/** The values that an instruction takes. */
export function valuesOf({ operands }: Instruction): Value[] {
  return operands.filter((operand): operand is Value => !isLiteral(operand));
}
