import { type Instruction, isLiteral, type Operand } from "../graph/graph.ts";
import { printParams } from "../graph/print.ts";

/** Instructions of a graph, of which no two compute the same. */
export interface DistinctInstructions {
  /** One that computes what this one does, from the same operands. */
  find(instruction: Instruction): Instruction | undefined;
  /** Adds the instruction that was looked for last. */
  add(instruction: Instruction): void;
}

/** None yet. In tables of numbers, because all instructions of long graphs go through here. */
export function createDistinctInstructions(most: number): DistinctInstructions {
  const list: Instruction[] = [];
  /** The last instruction of each hash, and the one before each, counted from 1. */
  const last = new Int32Array(2 ** Math.ceil(Math.log2(2 * most + 1)));
  const before = new Int32Array(most + 1);
  let place = 0;
  return {
    find(instruction) {
      place = hashOf(instruction) & (last.length - 1);
      for (let at = last[place]!; at > 0; at = before[at]!) {
        if (areEqual(list[at - 1]!, instruction)) return list[at - 1];
      }
      return undefined;
    },
    add(instruction) {
      const at = list.push(instruction);
      before[at] = last[place]!;
      last[place] = at;
    },
  };
}

function areEqual(a: Instruction, b: Instruction): boolean {
  if (a.op !== b.op || a.operands.length !== b.operands.length) return false;
  for (let i = 0; i < a.operands.length; i++) {
    if (!areSame(a.operands[i]!, b.operands[i]!)) return false;
  }
  return a.output.spec.dtype === b.output.spec.dtype &&
    printParams(a.params) === printParams(b.params);
}

function areSame(a: Operand, b: Operand): boolean {
  if (!isLiteral(a)) return !isLiteral(b) && a.id === b.id;
  return isLiteral(b) && Object.is(a.literal, b.literal) && a.spec.dtype === b.spec.dtype;
}

const mix = (hash: number, number: number): number => {
  const mixed = Math.imul(hash ^ number, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
};

function hashOf({ op, params, operands }: Instruction): number {
  let hash = mix(op.length, op.charCodeAt(0) + 256 * op.charCodeAt(op.length - 1));
  for (const operand of operands) {
    hash = mix(hash, isLiteral(operand) ? 1024 * operand.literal : operand.id);
  }
  for (const name in params) hash = mix(hash, hashOfParam(params[name as keyof typeof params]));
  return hash;
}

function hashOfParam(value: unknown): number {
  if (typeof value === "number") return value;
  if (typeof value === "string") return value.length;
  let hash = 0;
  if (Array.isArray(value)) { for (const each of value) hash = mix(hash, hashOfParam(each)); }
  return hash;
}
