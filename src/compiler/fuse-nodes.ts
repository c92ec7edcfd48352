import { sameShape, type Shape, sizeOf } from "../core/shape.ts";
import { type Instruction, isLiteral } from "../graph/graph.ts";
import { isElementwise } from "../graph/instruction-set.ts";
import { type Domain, domainOf } from "./fuse-domain.ts";
import { isView } from "./fuse-index-map.ts";
import { lower, type LoweredLoop, type Read } from "./fuse-lower.ts";
import { NeedsMemory } from "./fuse-needs-memory.ts";
import { isEven } from "./fuse-order.ts";
import { isReduction, type Roles, valuesOf } from "./fuse-roles.ts";
import type { LoopBody } from "./fuse-sweeps.ts";

/** How a loop reads a value: bits, because it may do so in several ways. */
export const Reading = {
  /** At each point the element in its place. */
  inPlace: 1,
  /** Another element at each point. */
  once: 2,
  /** Some elements at several points. */
  repeatedly: 4,
  /** After reductions, the element in the place of the outer point. */
  outerInPlace: 8,
  /** After reductions, another element. */
  outer: 16,
} as const;

/** What will be one pass: a kernel of its own, or instructions that share a loop. */
export interface Node extends LoopBody {
  /** The one instruction of a pass that is no loop. */
  readonly opaque: Instruction | undefined;
  readonly domain: Domain;
  readonly hasReductions: boolean;
  /** Whether it goes over the reduced axes several times. */
  readonly hasSweeps: boolean;
  /** What it reads from memory, and how (bits of `Reading`). */
  readonly reads: ReadonlyMap<number, number>;
  readonly statements: number;
  /** Whether all that it accesses moves in one stride along neighbouring axes that are alike. */
  readonly even: boolean;
  /** The loop, if it was written down since the last change. */
  readonly lowered: LoweredLoop | undefined;
  /** The position of its last instruction in the graph. */
  readonly last: number;
  /** Where it comes from, as long as it is a node of a piece that others are like. */
  readonly pattern: NodePattern | undefined;
}

/** What nodes have in common that correspond in pieces which are alike. */
export interface NodePattern {
  /** One and the same for all of them. */
  readonly first: Node;
  /** The values of the piece: those of others correspond in order. */
  readonly values: readonly number[];
}

/** How a lowered loop reads each value. */
export function readingsOf(reads: readonly Read[]): Map<number, number> {
  const readings = new Map<number, number>();
  for (const { id, outer, inPlace, once } of reads) {
    const bit = outer
      ? (inPlace ? Reading.outerInPlace : Reading.outer)
      : inPlace
      ? Reading.inPlace
      : once
      ? Reading.once
      : Reading.repeatedly;
    readings.set(id, (readings.get(id) ?? 0) | bit);
  }
  return readings;
}

/**
 * One node for each value that must be computed once, in the order of the graph, but for instructions at `omitted`
 * positions. `pinned` is called with values that turned out to be needed in memory.
 */
export function createNodes(
  roles: Roles,
  omitted: ReadonlySet<number>,
  pinned: (ids: readonly number[]) => void,
): Node[] {
  // One loop may show that another value is needed in memory; then all are looked at again.
  for (;;) {
    const before = roles.pinned.size;
    const nodes = roles.instructions.flatMap((instruction, at) =>
      omitted.has(at) ? [] : createNode(roles, instruction, at)
    );
    if (roles.pinned.size === before) return nodes;
    pinned([...roles.pinned].slice(before));
  }
}

function createNode(roles: Roles, instruction: Instruction, last: number): Node[] {
  const { id, spec } = instruction.output;
  const role = roles.roles[id];
  if (role === "opaque") {
    const reads = valuesOf(instruction).map((value) =>
      [roles.memoryOf(value.id), Reading.repeatedly] as const
    );
    return [{
      opaque: instruction,
      members: new Set([id]),
      levels: new Map([[id, false]]),
      domain: [],
      hasReductions: false,
      hasSweeps: false,
      reads: new Map(reads),
      statements: 0,
      even: true,
      lowered: undefined,
      last,
      pattern: undefined,
    }];
  }
  if (role === "inlined" && !roles.pinned.has(id)) return [];
  const hasReductions = isReduction(instruction);
  const body: LoopBody = { members: new Set([id]), levels: new Map([[id, hasReductions]]) };
  const direct = new Map<number, number>();
  const operations = readDirectly(roles, instruction, spec.shape, direct);
  if (operations !== undefined) {
    limitReads(roles, instruction, direct);
    return [{
      ...body,
      opaque: undefined,
      domain: domainOf(spec.shape),
      hasReductions,
      hasSweeps: false,
      reads: direct,
      statements: operations + direct.size,
      even: true,
      lowered: undefined,
      last,
      pattern: undefined,
    }];
  }
  const lowered = tryLower(
    roles,
    body,
    [id],
    hasReductions
      ? domainOf(instruction.operands[0]!.spec.shape, instruction.params.axes)
      : domainOf(spec.shape),
  );
  if (lowered === undefined) return [];
  const reads = readingsOf(lowered.reads);
  limitReads(roles, instruction, reads);
  return [{
    ...body,
    opaque: undefined,
    domain: lowered.domain,
    hasReductions,
    hasSweeps: false,
    reads,
    statements: lowered.statements.length,
    even: isEven(lowered),
    lowered,
    last,
    pattern: undefined,
  }];
}

/** Undefined where a value is needed in memory that was not pinned; it is from then on. */
function tryLower(
  roles: Roles,
  ...[body, stored, domain]: [LoopBody, readonly number[], Domain]
): LoweredLoop | undefined {
  try {
    return lower(roles, body, stored, domain);
  } catch (signal) {
    if (!(signal instanceof NeedsMemory)) throw signal;
    roles.pinned.add(roles.memoryOf(signal.id));
    return undefined;
  }
}

/**
 * What writing down a loop would tell, where that can be seen at once: all that it reads has the shape of its result, or
 * is one number. Adds to `reads`, and gives the number of instructions; undefined for other loops.
 */
function readDirectly(
  roles: Roles,
  instruction: Instruction,
  shape: Shape,
  reads: Map<number, number>,
): number | undefined {
  if (!isElementwise(instruction.op) || isView(instruction)) return undefined;
  let operations = 1;
  for (const operand of instruction.operands) {
    if (isLiteral(operand)) {
      operations++;
      continue;
    }
    const { id, spec } = operand;
    const isSame = sameShape(spec.shape, shape);
    if (!isSame && spec.shape.length > 0) return undefined;
    if (isInlined(roles, id)) {
      const inner = isSame && readDirectly(roles, roles.producers[id]!, shape, reads);
      if (!inner) return undefined;
      operations += inner;
    } else {
      const memory = roles.memoryOf(id);
      const bit = isSame || sizeOf(shape) === 1 ? Reading.inPlace : Reading.repeatedly;
      reads.set(memory, (reads.get(memory) ?? 0) | bit);
    }
  }
  return operations;
}

function limitReads(
  roles: Roles,
  instruction: Instruction,
  reads: ReadonlyMap<number, number>,
): void {
  const { buffersPerLoop = Infinity } = roles.target;
  if (reads.size >= buffersPerLoop) pinLargestOperand(roles, instruction);
}

/** Has that operand of an instruction in memory which needs most values in memory otherwise. */
function pinLargestOperand(roles: Roles, instruction: Instruction): void {
  let largest: number | undefined;
  let most = 1;
  for (const { id } of valuesOf(instruction)) {
    const reads = new Set<number>();
    const source = inlinedSource(roles, id);
    if (source !== undefined) collectReads(roles, source, reads);
    if (reads.size <= most) continue;
    most = reads.size;
    largest = source;
  }
  if (largest !== undefined) roles.pinned.add(largest);
}

const isInlined = ({ roles, pinned, memoryOf }: Roles, id: number): boolean =>
  roles[memoryOf(id)] === "inlined" && !pinned.has(memoryOf(id));

/** The inlined arithmetic that an operand is, or is a view of. */
function inlinedSource(roles: Roles, id: number): number | undefined {
  if (!isInlined(roles, id)) return undefined;
  const producer = roles.producers[id]!;
  const [source] = valuesOf(producer);
  return isView(producer) && source !== undefined ? inlinedSource(roles, source.id) : id;
}

function collectReads(roles: Roles, id: number, reads: Set<number>): void {
  if (!isInlined(roles, id)) {
    reads.add(roles.memoryOf(id));
    return;
  }
  for (const { id: operand } of valuesOf(roles.producers[id]!)) {
    collectReads(roles, operand, reads);
  }
}
