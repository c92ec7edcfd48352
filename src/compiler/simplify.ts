import { sameShape, type TensorSpec } from "../core/shape.ts";
import type { PrimitiveName } from "../graph/instruction-set.ts";
import {
  type Graph,
  type Instruction,
  isLiteral,
  isLiteralOf,
  type Operand,
} from "../graph/graph.ts";
import { createGraph } from "../graph/print.ts";
import { createDistinctInstructions } from "./equal-instructions.ts";
import { nextIdOf } from "./next-id.ts";

/** Computes an instruction whose operands are all numbers; undefined where it would rather not. */
export type EvaluateScalar = (instruction: Instruction) => number | undefined;

/**
 * A graph with the same outputs, bit for bit, and fewer instructions: constant folding of scalars,
 * exact algebra, common subexpressions, dead code.
 */
export function simplify(graph: Graph, evaluate: EvaluateScalar): Graph {
  const limit = nextIdOf(graph);
  /** By id, like the next one. */
  const replaced = new Array<Operand | undefined>(limit);
  const producers = new Array<Instruction | undefined>(limit);
  const resolve = (operand: Operand): Operand =>
    isLiteral(operand) ? operand : replaced[operand.id] ?? operand;
  const producerOf: ProducerOf = (operand) =>
    isLiteral(operand) ? undefined : producers[operand.id];
  const inlined = (operand: Operand): Operand => {
    const producer = producerOf(operand);
    const value = producer && everywhereIn(producer);
    if (value === undefined) return operand;
    return { literal: value, spec: { shape: [], dtype: operand.spec.dtype } };
  };
  const seen = createDistinctInstructions(graph.instructions.length);
  const kept: Instruction[] = [];

  for (const original of graph.instructions) {
    const instruction = inlineScalars(withOperands(original, resolve), inlined);
    const { output } = instruction;
    const simpler = seen.find(instruction)?.output ?? fold(instruction, evaluate) ??
      rules[instruction.op]?.(instruction, producerOf);
    if (simpler !== undefined) {
      replaced[output.id] = simpler;
      continue;
    }
    seen.add(instruction);
    producers[output.id] = instruction;
    kept.push(instruction);
  }
  const outputs = graph.outputs.map(resolve);
  return withoutDeadCode({ ...graph, instructions: kept, outputs });
}

/** The instruction with each operand replaced; itself where nothing changes. */
function withOperands(
  instruction: Instruction,
  replace: (operand: Operand) => Operand,
): Instruction {
  const { operands } = instruction;
  let replaced: Operand[] | undefined;
  for (let i = 0; i < operands.length; i++) {
    const other = replace(operands[i]!);
    if (other !== operands[i]) (replaced ??= [...operands])[i] = other;
  }
  return replaced === undefined ? instruction : { ...instruction, operands: replaced };
}

/** Reads the number behind an operand that is one value everywhere, where broadcasting makes that equal. */
function inlineScalars(
  instruction: Instruction,
  numberOr: (operand: Operand) => Operand,
): Instruction {
  if (!broadcasting.has(instruction.op)) return instruction;
  const inlined = withOperands(instruction, numberOr);
  // Some operand must still carry the shape of the result.
  const { shape } = instruction.output.spec;
  const carries = inlined === instruction || shape.length === 0 ||
    inlined.operands.some((operand) => sameShape(operand.spec.shape, shape));
  return carries ? inlined : instruction;
}

/** The number that all elements of a result are. */
function everywhereIn({ op, params, operands: [first] }: Instruction): number | undefined {
  if (op === "full") return (params as { value: number }).value;
  return op === "broadcast" && isLiteral(first!) ? first.literal : undefined;
}

// deno-fmt-ignore -- a line a family
const broadcasting: ReadonlySet<PrimitiveName> = new Set<PrimitiveName>([
  "add", "sub", "mul", "div", "rem", "pow", "max", "min", "equal", "less", "lessEqual", "and", "or",
  "xor", "shiftLeft", "shiftRight", "select",
]);

function fold(instruction: Instruction, evaluate: EvaluateScalar): Operand | undefined {
  const { operands, output, op } = instruction;
  if (output.spec.shape.length > 0 || output.spec.dtype === "bfloat16") return undefined;
  if (op === "full") {
    return { literal: (instruction.params as { value: number }).value, spec: output.spec };
  }
  if (operands.length === 0 || !operands.every(isLiteral)) return undefined;
  const literal = evaluate(instruction);
  return literal === undefined ? undefined : { literal, spec: output.spec };
}

/** The instruction that makes an operand, if one does. */
type ProducerOf = (operand: Operand) => Instruction | undefined;

type Rule = (instruction: Instruction, producerOf: ProducerOf) => Operand | undefined;

const fits = (operand: Operand, spec: TensorSpec): Operand | undefined =>
  operand.spec.dtype === spec.dtype && sameShape(operand.spec.shape, spec.shape)
    ? operand
    : undefined;

const neutralRight = (value: number): Rule => ({ operands: [a, b], output }) =>
  isLiteralOf(b!, value) ? fits(a!, output.spec) : undefined;

const neutralEither = (value: number): Rule => ({ operands: [a, b], output }) =>
  isLiteralOf(b!, value)
    ? fits(a!, output.spec)
    : isLiteralOf(a!, value)
    ? fits(b!, output.spec)
    : undefined;

/** f(f(x)) = x. */
const involution: Rule = ({ op, operands: [a] }, producerOf) => {
  const inner = producerOf(a!);
  return inner?.op === op ? inner.operands[0] : undefined;
};

const identityIfSameSpec: Rule = ({ operands: [a], output }) => fits(a!, output.spec);

/** Only rules that keep every bit, NaN, infinities and the sign of zero included. */
const rules: Partial<Record<PrimitiveName, Rule>> = {
  mul: neutralEither(1),
  div: neutralRight(1),
  pow: neutralRight(1),
  sub: neutralRight(0),
  // x + 0 would turn -0 into 0; x + (-0) keeps it.
  add: neutralEither(-0),
  neg: involution,
  not: involution,
  cast: identityIfSameSpec,
  bitcast: identityIfSameSpec,
  reshape: identityIfSameSpec,
  broadcast: identityIfSameSpec,
  stopGradient: ({ operands }) => operands[0],
  transpose: ({ operands, params }) => {
    const { permutation } = params as { permutation: readonly number[] };
    return permutation.every((from, to) => from === to) ? operands[0] : undefined;
  },
  select: ({ operands: [condition, a, b], output }) =>
    isLiteral(condition!) ? fits(condition.literal !== 0 ? a! : b!, output.spec) : undefined,
};

/** The graph without what no output needs. */
export function withoutDeadCode(graph: Graph): Graph {
  const { inputs, constants, instructions, outputs } = graph;
  const live = new Uint8Array(nextIdOf(graph));
  const use = (operand: Operand): void => {
    if (!isLiteral(operand)) live[operand.id] = 1;
  };
  outputs.forEach(use);
  const kept: Instruction[] = [];
  for (let at = instructions.length - 1; at >= 0; at--) {
    const instruction = instructions[at]!;
    if (live[instruction.output.id] === 0) continue;
    instruction.operands.forEach(use);
    kept.push(instruction);
  }
  // Constants stay even if dead: callers pass them by position.
  return createGraph({ inputs, constants, instructions: kept.reverse(), outputs });
}
