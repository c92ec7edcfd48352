import { sameShape, type TensorSpec } from "../core/shape.ts";
import type { PrimitiveName } from "../graph/instruction-set.ts";
import {
  type Graph,
  type Instruction,
  isLiteral,
  isLiteralOf,
  type Operand,
} from "../graph/graph.ts";
import { createGraph, printParams } from "../graph/print.ts";

/** Computes an instruction whose operands are all numbers; undefined where it would rather not. */
export type EvaluateScalar = (instruction: Instruction) => number | undefined;

/**
 * A graph with the same outputs, bit for bit, and fewer instructions: constant folding of scalars,
 * exact algebra, common subexpressions, dead code.
 */
export function simplify(graph: Graph, evaluate: EvaluateScalar): Graph {
  const replaced = new Map<number, Operand>();
  const resolve = (operand: Operand): Operand =>
    isLiteral(operand) ? operand : replaced.get(operand.id) ?? operand;
  const producers = new Map<number, Instruction>();
  const seen = new Map<string, Operand>();
  const kept: Instruction[] = [];

  for (const original of graph.instructions) {
    const instruction = inlineScalars(withOperands(original, resolve), producers);
    const { output } = instruction;
    const key = instructionKey(instruction);
    const simpler = seen.get(key) ?? fold(instruction, evaluate) ?? rewrite(instruction, producers);
    if (simpler !== undefined) {
      replaced.set(output.id, simpler);
      continue;
    }
    seen.set(key, output);
    producers.set(output.id, instruction);
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

function instructionKey({ op, params, operands, output }: Instruction): string {
  let text = `${op}${printParams(params)} ${output.spec.dtype}`;
  for (const operand of operands) {
    text += isLiteral(operand)
      ? ` ${Object.is(operand.literal, -0) ? "-0" : operand.literal}:${operand.spec.dtype}`
      : ` %${operand.id}`;
  }
  return text;
}

/** Reads the number behind an operand that is one value everywhere, where broadcasting makes that equal. */
function inlineScalars(instruction: Instruction, producers: Map<number, Instruction>): Instruction {
  if (!broadcasting.has(instruction.op)) return instruction;
  const inlined = withOperands(instruction, (operand) => {
    const producer = isLiteral(operand) ? undefined : producers.get(operand.id);
    const value = producer && everywhereIn(producer);
    if (value === undefined) return operand;
    return { literal: value, spec: { shape: [], dtype: operand.spec.dtype } };
  });
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

type Rule = (
  instruction: Instruction,
  producerOf: (operand: Operand) => Instruction | undefined,
) => Operand | undefined;

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

function rewrite(
  instruction: Instruction,
  producers: Map<number, Instruction>,
): Operand | undefined {
  const producerOf = (operand: Operand) =>
    isLiteral(operand) ? undefined : producers.get(operand.id);
  return rules[instruction.op]?.(instruction, producerOf);
}

/** The graph without what no output needs. */
export function withoutDeadCode(graph: Graph): Graph {
  const live = new Set<number>();
  const use = (operand: Operand): void => {
    if (!isLiteral(operand)) live.add(operand.id);
  };
  graph.outputs.forEach(use);
  const kept: Instruction[] = [];
  for (const instruction of graph.instructions.toReversed()) {
    if (!live.has(instruction.output.id)) continue;
    instruction.operands.forEach(use);
    kept.push(instruction);
  }
  return createGraph({
    inputs: graph.inputs,
    // Kept even if dead: callers pass them by position.
    constants: graph.constants,
    instructions: kept.reverse(),
    outputs: graph.outputs,
  });
}
