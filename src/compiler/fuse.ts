import type { Loop } from "../backend/loop.ts";
import { type Graph, isLiteral } from "../graph/graph.ts";
import { foldPads } from "./fold-pads.ts";
import { foldTransposes } from "./fold-transposes.ts";
import { cluster } from "./fuse-cluster.ts";
import { lower } from "./fuse-lower.ts";
import { toLoop } from "./fuse-nest.ts";
import { createInitialNodes } from "./fuse-initial-nodes.ts";
import type { Node } from "./fuse-nodes.ts";
import { assignRoles, fillEmpty, type Roles } from "./fuse-roles.ts";
import { withOwnOutputs } from "./outputs.ts";
import { type Pass, type PassList, withBuffers } from "./passes.ts";
import { withoutDeadCode } from "./simplify.ts";
import type { Target } from "./target.ts";

/**
 * Groups the instructions of a graph into passes over memory. Element-wise work, movement and reductions become
 * loop nests; all other primitives stay kernels of their own. Every bit stays as it is: a loop computes what
 * the instructions did, in the same dtypes and with sums in the same order.
 *
 * 1. Each value gets a role: in memory, in a kernel of its own, computed in a loop, or inlined (views and cheap
 *    arithmetic, computed again by whoever needs them).
 * 2. Each computed value starts as a loop of its own (a node), written down once to see what it reads and how.
 * 3. Nodes are merged where that saves traffic.
 * 4. What is left is written down again, as loops.
 *
 * Where pieces of the graph are alike, one of them goes through this, and the others become the same.
 */
export function fuse(graph: Graph, target: Target): PassList {
  const folded = foldPads(foldTransposes(graph));
  const filled = { ...folded, instructions: folded.instructions.map(fillEmpty) };
  const owning = withOwnOutputs(withoutDeadCode(filled));
  const roles = assignRoles(owning, target);
  const { memoryOf, specs } = roles;
  const outputs = owning.outputs.map(({ id, spec }) => ({ id: memoryOf(id), spec }));
  const returned = new Set(outputs.map(({ id }) => id));
  const clusters = cluster(roles, createInitialNodes(roles, returned), returned);
  const write = createWriter(roles);

  const passes = clusters.nodes.map((node): Pass => {
    if (node.opaque !== undefined) {
      const operands = node.opaque.operands.map((operand) =>
        isLiteral(operand) ? operand : { id: memoryOf(operand.id), spec: operand.spec }
      );
      return { kind: "primitive", instruction: { ...node.opaque, operands } };
    }
    const stored = clusters.storesOf(node);
    return {
      kind: "loop",
      loop: write(node, stored),
      writes: stored.map((id) => ({ id, spec: specs[id]! })),
    };
  });
  return { inputs: [...graph.inputs, ...graph.constants], passes, outputs };
}

/** Gives the function that writes down the loop which stores some values of a node; for nodes that correspond, once. */
function createWriter(roles: Roles): (node: Node, stored: readonly number[]) => Loop {
  interface Written {
    readonly loop: Loop;
    readonly stored: readonly number[];
    /** The places of the piece's values. */
    readonly places: ReadonlyMap<number, number>;
  }
  const known = new Map<Node, Written>();

  return (node, stored) => {
    const { pattern } = node;
    const written = pattern && known.get(pattern.first);
    if (written !== undefined) {
      const nameOf = (id: number): number => {
        const place = written.places.get(id);
        return place === undefined ? id : pattern!.values[place]!;
      };
      const areSame = written.stored.length === stored.length &&
        written.stored.every((id, i) => nameOf(id) === stored[i]);
      if (areSame) return withBuffers(written.loop, nameOf);
    }
    const isCurrent = `${node.lowered?.stored}` === `${stored}`;
    const lowered = isCurrent ? node.lowered! : lower(roles, node, stored, node.domain);
    const loop = toLoop(lowered, (id) => roles.specs[id]!);
    if (pattern !== undefined && written === undefined) {
      const places = new Map(pattern.values.map((id, place) => [id, place]));
      known.set(pattern.first, { loop, stored, places });
    }
    return loop;
  };
}
