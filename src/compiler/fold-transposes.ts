import { type Graph, type Instruction, isLiteral, type Operand } from "../graph/graph.ts";
import type { PrimitiveParams } from "../graph/instruction-set.ts";

type Dot = Instruction<"dot">;
type Pair = readonly [number, number];

const isDot = (instruction: Instruction | undefined): instruction is Dot =>
  instruction?.op === "dot";

const isTranspose = (
  instruction: Instruction | undefined,
): instruction is Instruction<"transpose"> => instruction?.op === "transpose";

const ascends = (axes: readonly number[]): boolean =>
  axes.every((axis, i) => i === 0 || axis > axes[i - 1]!);

/** The axes of an operand that are neither batch nor contracted, ascending. */
function freeAxes(
  rank: number,
  { batch, contract }: PrimitiveParams["dot"],
  side: 0 | 1,
): number[] {
  const used = [...batch, ...contract].map((pair) => pair[side]);
  return Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !used.includes(axis));
}

/**
 * Lets `dot` read transposed operands as they lie in memory and write transposed results, where its parameters
 * can say so. Every sum keeps its order, so every bit is kept. Transposes that nobody reads any more are left
 * for dead code to go.
 */
export function foldTransposes(graph: Graph): Graph {
  if (!graph.instructions.some(isDot)) return graph;
  const producers = new Map<number, Instruction>();
  const uses = new Map<number, number>();
  const use = (operand: Operand): void => {
    if (!isLiteral(operand)) uses.set(operand.id, (uses.get(operand.id) ?? 0) + 1);
  };
  graph.instructions.forEach(({ operands }) => operands.forEach(use));
  graph.outputs.forEach(use);

  const instructions = graph.instructions.map((original) => {
    let instruction: Instruction = original;
    if (isDot(instruction)) {
      instruction = foldOperand(foldOperand(instruction, 0, producers), 1, producers);
    } else if (isTranspose(instruction)) {
      const [source] = instruction.operands;
      const made = isLiteral(source!) || uses.get(source!.id) !== 1
        ? undefined
        : producers.get(source!.id);
      if (isDot(made)) instruction = foldResult(made, instruction) ?? instruction;
    }
    producers.set(instruction.output.id, instruction);
    return instruction;
  });
  return { ...graph, instructions };
}

/** Reads the operand of a transpose in the place of its result, if the free axes keep their order. */
function foldOperand(dot: Dot, side: 0 | 1, producers: ReadonlyMap<number, Instruction>): Dot {
  const operand = dot.operands[side]!;
  const producer = isLiteral(operand) ? undefined : producers.get(operand.id);
  if (!isTranspose(producer)) return dot;
  const { permutation } = producer.params;
  const free = freeAxes(permutation.length, dot.params, side).map((axis) => permutation[axis]!);
  if (!ascends(free)) return dot;
  const move = ([left, right]: Pair): Pair =>
    side === 0 ? [permutation[left]!, right] : [left, permutation[right]!];
  return {
    ...dot,
    params: { batch: dot.params.batch.map(move), contract: dot.params.contract.map(move) },
    operands: dot.operands.map((each, i) => i === side ? producer.operands[0]! : each),
  };
}

/** The dot that gives its result transposed: with batches in another order, or with the operands exchanged. */
function foldResult(
  dot: Dot,
  { params: { permutation }, output }: Instruction<"transpose">,
): Dot | undefined {
  const { batch, contract } = dot.params;
  const batches = permutation.slice(0, batch.length);
  if (batches.some((axis) => axis >= batch.length)) return undefined;
  const free = permutation.slice(batch.length);
  const left = freeAxes(dot.operands[0]!.spec.shape.length, dot.params, 0).length;
  const reordered = batches.map((axis) => batch[axis]!);
  if (ascends(free)) return { ...dot, params: { batch: reordered, contract }, output };
  const exchanged = [...free.slice(free.length - left), ...free.slice(0, free.length - left)];
  if (!ascends(exchanged)) return undefined;
  const swap = ([a, b]: Pair): Pair => [b, a];
  return {
    ...dot,
    params: { batch: reordered.map(swap), contract: contract.map(swap) },
    operands: dot.operands.toReversed(),
    output,
  };
}
