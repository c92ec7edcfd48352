import { type Instruction, isLiteral, type Operand, type Value } from "../graph/graph.ts";
import { sizeOf } from "../core/shape.ts";
import { printParams } from "../graph/print.ts";
import { findOwners, nobody, type Owners } from "./fuse-owners.ts";
import type { Roles } from "./fuse-roles.ts";

/** Instructions that arrays pass between, and numbers for nobody else: what an optimizer does to one tensor, say. */
export interface Piece {
  /** Their positions in the graph, ascending. */
  readonly instructions: readonly number[];
  /** The values that they make and the arrays that they read, in the order of their first use. */
  readonly values: readonly number[];
}

/**
 * At least two pieces whose instructions and values correspond, in order: they differ in nothing but their names. From
 * elsewhere they read the same numbers, and others read only numbers of theirs.
 */
export interface AlikePieces {
  readonly pieces: readonly Piece[];
  /** The numbers of the first piece that others may read. */
  readonly exported: readonly number[];
  /** Whether what a piece like the first reads from elsewhere, in place of a value, may depend on what pieces export. */
  comesBack(id: number): boolean;
}

interface GrowingPiece extends Piece {
  readonly owner: number;
  readonly instructions: number[];
  readonly values: number[];
  /** Numbers that are the same for pieces that are alike. */
  readonly looks: number[];
  /** Whether its loops have nothing to do with others but for numbers in memory. */
  isApart: boolean;
}

/** Marks of operands in `looks`. */
const mark = { literal: -2, elsewhere: -3 } as const;

/** Finds the pieces of a graph that are alike, so that they become loops in the same way. */
export function findAlikePieces(graph: Roles, outputs: ReadonlySet<number>): AlikePieces[] {
  const { instructions, roles, pinned } = graph;
  const owners = findOwners(graph);
  const { ofValues, ofInstructions, exported, isEntangled } = owners;
  const pieces = new Map<number, GrowingPiece>();
  const places = new Int32Array(ofValues.length).fill(-1);
  const numbers = new Map<string, number>();

  function numberOf(text: string): number {
    let number = numbers.get(text);
    if (number === undefined) numbers.set(text, number = numbers.size);
    return number;
  }

  /** A value of a piece: its place, and what it is where it appears for the first time. */
  function addValue({ id, spec }: Value, piece: GrowingPiece): void {
    const { values, looks } = piece;
    const known = places[id]!;
    looks.push(known);
    if (known >= 0) return;
    places[id] = values.push(id) - 1;
    if (exported.has(id) && sizeOf(spec.shape) !== 1) piece.isApart = false;
    const needs = (pinned.has(id) ? 1 : 0) + (outputs.has(id) ? 2 : 0) + (exported.has(id) ? 4 : 0);
    looks.push(needs, numberOf(roles[id]!), numberOf(spec.dtype), spec.shape.length);
    for (const extent of spec.shape) looks.push(extent);
  }

  function addOperand(operand: Operand, owner: number, piece: GrowingPiece): void {
    if (isLiteral(operand)) {
      piece.looks.push(mark.literal, operand.literal, numberOf(operand.spec.dtype));
    } else if (ofValues[operand.id] === owner) {
      addValue(operand, piece);
    } else {
      if (isEntangled[operand.id]) piece.isApart = false;
      piece.looks.push(mark.elsewhere, operand.id);
    }
  }

  function add(
    { op, params, operands, output }: Instruction,
    at: number,
    owner: number,
    piece: GrowingPiece,
  ): void {
    piece.instructions.push(at);
    piece.looks.push(numberOf(op), numberOf(printParams(params)), operands.length);
    for (const operand of operands) addOperand(operand, owner, piece);
    addValue(output, piece);
  }

  for (let at = 0; at < instructions.length; at++) {
    const owner = ofInstructions[at]!;
    if (owner === nobody) continue;
    let piece = pieces.get(owner);
    if (piece === undefined) {
      piece = { owner, instructions: [], values: [], looks: [], isApart: true };
      pieces.set(owner, piece);
    }
    add(instructions[at]!, at, owner, piece);
  }

  const groups = groupAlike([...pieces.values()].filter(({ isApart }) => isApart))
    .filter(({ length }) => length > 1);
  if (groups.length === 0) return [];
  const depends = findDependent(graph, owners, new Set(groups.flat().map(({ owner }) => owner)));
  return groups.map((alike) => {
    const { values } = alike[0]!;
    return {
      pieces: alike,
      exported: values.filter((id) => exported.has(id)),
      comesBack: (id) =>
        depends[id] === 1 ||
        (places[id]! >= 0 && alike.some((piece) => depends[piece.values[places[id]!]!])),
    };
  });
}

/** By id, what depends on values that some of the pieces export. */
function findDependent(
  { instructions }: Roles,
  { ofValues, exported }: Owners,
  pieces: ReadonlySet<number>,
): Uint8Array {
  const depends = new Uint8Array(ofValues.length);
  for (const { operands, output } of instructions) {
    for (const operand of operands) {
      if (isLiteral(operand)) continue;
      const { id } = operand;
      const isFrom = depends[id] === 1 || (exported.has(id) && pieces.has(ofValues[id]!));
      if (isFrom) depends[output.id] = 1;
    }
  }
  return depends;
}

function groupAlike(pieces: readonly GrowingPiece[]): GrowingPiece[][] {
  const groups = new Map<number, GrowingPiece[][]>();
  for (const piece of pieces) {
    const hash = hashOf(piece.looks);
    let near = groups.get(hash);
    if (near === undefined) groups.set(hash, near = []);
    const group = near.find(([first]) => sameNumbers(first!.looks, piece.looks));
    if (group === undefined) near.push([piece]);
    else group.push(piece);
  }
  return [...groups.values()].flat();
}

function hashOf(numbers: readonly number[]): number {
  let hash = 0;
  for (let i = 0; i < numbers.length; i++) hash = Math.imul(hash ^ numbers[i]!, 0x01000193);
  return hash;
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}
