import { type Graph, isLiteral } from "../graph/graph.ts";
import { foldPads } from "./fold-pads.ts";
import { foldTransposes } from "./fold-transposes.ts";
import { cluster } from "./fuse-cluster.ts";
import { lower } from "./fuse-lower.ts";
import { toLoop } from "./fuse-nest.ts";
import { createNodes } from "./fuse-nodes.ts";
import { assignRoles, fillEmpty } from "./fuse-roles.ts";
import { withOwnOutputs } from "./outputs.ts";
import type { Pass, PassList } from "./passes.ts";
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
 */
export function fuse(graph: Graph, target: Target): PassList {
  const folded = foldPads(foldTransposes(graph));
  const filled = { ...folded, instructions: folded.instructions.map(fillEmpty) };
  const owning = withOwnOutputs(withoutDeadCode(filled));
  const roles = assignRoles(owning, target);
  const { memoryOf, specs } = roles;
  const outputs = owning.outputs.map(({ id, spec }) => ({ id: memoryOf(id), spec }));
  const clusters = cluster(roles, createNodes(roles), new Set(outputs.map(({ id }) => id)));

  const passes = clusters.nodes.map((node): Pass => {
    if (node.opaque !== undefined) {
      const operands = node.opaque.operands.map((operand) =>
        isLiteral(operand) ? operand : { id: memoryOf(operand.id), spec: operand.spec }
      );
      return { kind: "primitive", instruction: { ...node.opaque, operands } };
    }
    const stored = clusters.storesOf(node);
    const isCurrent = `${node.lowered?.stored}` === `${stored}`;
    const lowered = isCurrent ? node.lowered! : lower(roles, node, stored, node.domain);
    return {
      kind: "loop",
      loop: toLoop(lowered, (id) => specs.get(id)!),
      writes: stored.map((id) => ({ id, spec: specs.get(id)! })),
    };
  });
  return { inputs: [...graph.inputs, ...graph.constants], passes, outputs };
}
