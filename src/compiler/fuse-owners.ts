import { sizeOf } from "../core/shape.ts";
import { isLiteral, type Operand, type Value } from "../graph/graph.ts";
import type { Roles } from "./fuse-roles.ts";

/** The owner of what belongs to no piece. */
export const nobody = -1;

/** Which piece the values and the instructions of a graph belong to. A piece has the id of one of its arrays. */
export interface Owners {
  /** By id. */
  readonly ofValues: Int32Array;
  /** By position. */
  readonly ofInstructions: Int32Array;
  /** Values that others than their piece may read. */
  readonly exported: ReadonlySet<number>;
  /** By id, of inlined values: whether computing them takes values of pieces. */
  readonly isEntangled: Uint8Array;
}

/**
 * Cuts a graph into pieces that have no array in common: instructions belong together if they read the same array, or if
 * one reads an array that the other makes. What a kernel of its own makes is an array of the piece that reads it. Work on
 * numbers belongs to the only piece whose values it takes, and to nobody where several have a part in it; so do arrays
 * that are inlined and take no other.
 */
export function findOwners(graph: Roles): Owners {
  const { instructions, roles } = graph;
  const parents = joinArrays(graph);
  const ofValues = parents.map((_, id) => parents[id] === nobody ? nobody : find(parents, id));
  const ofInstructions = new Int32Array(instructions.length).fill(nobody);
  const isEntangled = new Uint8Array(parents.length);
  /** What belongs to nobody, but takes values of pieces. */
  const isShared = new Uint8Array(parents.length);
  const exported = new Set<number>();

  function ownerOf(operands: readonly Operand[]): number {
    let owner = nobody;
    let isMixed = false;
    for (const operand of operands) {
      if (isLiteral(operand)) continue;
      const other = ofValues[operand.id]!;
      if (parents[operand.id] !== nobody) return other;
      isMixed ||= isShared[operand.id] === 1 ||
        (owner !== nobody && other !== nobody && owner !== other);
      if (other !== nobody) owner = other;
    }
    return isMixed ? nobody : owner;
  }

  instructions.forEach(({ operands, output: { id } }, at) => {
    const role = roles[id];
    let owner = nobody;
    if (role !== "opaque") {
      owner = ofValues[id]! === nobody ? ownerOf(operands) : ofValues[id]!;
      ofValues[id] = ofInstructions[at] = owner;
    }
    for (const operand of operands) {
      if (isLiteral(operand)) continue;
      const other = ofValues[operand.id]!;
      if (other !== nobody || isShared[operand.id]) {
        isShared[id] = Number(owner === nobody);
      }
      if (other !== nobody || isEntangled[operand.id]) isEntangled[id] = Number(role === "inlined");
      if (other !== nobody && other !== owner) exportValue(graph, operand.id, exported);
    }
  });
  return { ofValues, ofInstructions, exported, isEntangled };
}

/** For each array one of the same piece, or itself; nobody for what is no array, or belongs to nobody as such. */
function joinArrays({ given, instructions, roles }: Roles): Int32Array {
  const parents = new Int32Array(roles.length).fill(nobody);
  const add = ({ id, spec }: Value): void => {
    if (sizeOf(spec.shape) !== 1) parents[id] = id;
  };
  given.forEach(add);
  for (const { operands, output } of instructions) {
    const role = roles[output.id];
    let first = nobody;
    if (role !== "opaque") {
      for (const operand of operands) {
        if (isLiteral(operand) || parents[operand.id] === nobody) continue;
        if (first === nobody) first = find(parents, operand.id);
        else parents[find(parents, operand.id)] = first;
      }
    }
    if (first !== nobody || role !== "inlined") add(output);
    if (first !== nobody && parents[output.id] !== nobody) parents[output.id] = first;
  }
  return parents;
}

function find(parents: Int32Array, id: number): number {
  while (parents[id] !== id) id = parents[id] = parents[parents[id]!]!;
  return id;
}

/** Notes what is read from memory where a value is needed. */
function exportValue(graph: Roles, id: number, exported: Set<number>): void {
  const { roles, producers, pinned, memoryOf } = graph;
  const role = roles[id];
  if (exported.has(id) || role === "given" || role === "opaque") return;
  exported.add(id);
  exportValue(graph, memoryOf(id), exported);
  if (role !== "inlined" || pinned.has(id)) return;
  for (const operand of producers[id]!.operands) {
    if (!isLiteral(operand)) exportValue(graph, operand.id, exported);
  }
}
