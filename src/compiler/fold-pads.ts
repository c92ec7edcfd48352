import { sameShape } from "../core/shape.ts";
import {
  type Graph,
  type Instruction,
  isLiteral,
  type Operand,
  type Value,
} from "../graph/graph.ts";
import type { PrimitiveParams } from "../graph/instruction-set.ts";
import { nextIdOf } from "./next-id.ts";

/** A value that is zero but for pieces along one axis, which do not overlap. */
interface Scattered {
  readonly axis: number;
  readonly pieces: readonly { readonly start: number; readonly operand: Operand }[];
}

const endOf = ({ start, operand }: Scattered["pieces"][number], axis: number): number =>
  start + operand.spec.shape[axis]!;

/**
 * Joins pieces that were padded with zeros and added up, as derivatives of slices are: each element is one
 * piece's plus zeros, so adding one zero to all of them gives the same bits (-0 becomes 0). Sums and pads that
 * nobody reads any more are left for dead code to go.
 */
export function foldPads(graph: Graph): Graph {
  if (!graph.instructions.some(({ op }) => op === "pad")) return graph;
  const scattered = new Map<number, Scattered>();
  let nextId = nextIdOf(graph);

  const instructions = graph.instructions.flatMap((instruction): Instruction[] => {
    const { op, params, operands, output } = instruction;
    if (op === "pad") {
      const axis = paddedAxis(params as PrimitiveParams["pad"]);
      const start = (params as PrimitiveParams["pad"]).low[axis ?? 0]!;
      if (axis !== undefined) {
        scattered.set(output.id, { axis, pieces: [{ start, operand: operands[0]! }] });
      }
    }
    const joined = op === "add" ? join(operands, scattered) : undefined;
    if (joined === undefined) return [instruction];
    scattered.set(output.id, joined);
    return concatenation(joined, output, (shape) => ({
      id: nextId++,
      spec: { shape, dtype: output.spec.dtype },
    }));
  });
  return { ...graph, instructions };
}

/** The one axis along which zeros are put before or after, if that is all. */
function paddedAxis({ low, high, inner }: PrimitiveParams["pad"]): number | undefined {
  const [axis, ...others] = low.flatMap((_, axis) => low[axis]! + high[axis]! > 0 ? [axis] : []);
  return others.length > 0 || inner.some((count) => count > 0) ? undefined : axis;
}

function join(
  [a, b]: readonly Operand[],
  scattered: ReadonlyMap<number, Scattered>,
): Scattered | undefined {
  const [left, right] = [a!, b!].map((operand) =>
    isLiteral(operand) ? undefined : scattered.get(operand.id)
  );
  if (left === undefined || right === undefined || left.axis !== right.axis) return undefined;
  const { axis } = left;
  const pieces = [...left.pieces, ...right.pieces].sort((a, b) => a.start - b.start);
  const areApart = pieces.every((piece, i) =>
    i === 0 || endOf(pieces[i - 1]!, axis) <= piece.start
  );
  return areApart && sameShape(a!.spec.shape, b!.spec.shape) ? { axis, pieces } : undefined;
}

/** The pieces one after the other, with zeros between them, and a zero added. */
function concatenation(
  { axis, pieces }: Scattered,
  output: Value,
  newValue: (shape: readonly number[]) => Value,
): Instruction[] {
  const { shape, dtype } = output.spec;
  const instructions: Instruction[] = [];
  const parts: Operand[] = [];
  const zerosUntil = (end: number, from: number): void => {
    if (end === from) return;
    const zeros = newValue(shape.map((extent, i) => i === axis ? end - from : extent));
    instructions.push({
      op: "full",
      params: { ...zeros.spec, value: 0 },
      operands: [],
      output: zeros,
    });
    parts.push(zeros);
  };
  let at = 0;
  for (const piece of pieces) {
    zerosUntil(piece.start, at);
    parts.push(piece.operand);
    at = endOf(piece, axis);
  }
  zerosUntil(shape[axis]!, at);
  const joined = newValue(shape);
  const zero: Operand = { literal: 0, spec: { shape: [], dtype } };
  instructions.push(
    { op: "concat", params: { axis }, operands: parts, output: joined },
    { op: "add", params: {}, operands: [joined, zero], output },
  );
  return instructions;
}
