import type { KernelOperand } from "../../../src/backend/program.ts";
import { storedType } from "../shader.ts";
import { operandText } from "./assemble.ts";
import type { Axis } from "../../../src/core/axes.ts";
import { offsetAt } from "./index-map.ts";
import type { ProductOperand } from "./product.ts";

/** An operand in which the offset of an element is a sum of three that depend on one index each. */
export function matrixOperand(
  operand: KernelOperand,
  { batch, free, depth }: Record<"batch" | "free" | "depth", readonly Axis[]>,
): ProductOperand {
  const last = free.at(-1);
  const nearest = last?.stride === 1 ? "free" : "depth";
  // Then all other axes step over whole rows of it, and so over fours too.
  const hasQuads = !("literal" in operand) && nearest === "free" && last!.extent % 4 === 0;
  return {
    nearest,
    hasQuads,
    text(name, quads) {
      const { buffers, at } = operandText(name, operand);
      const scalar = storedType(operand.spec.dtype);
      const element = quads ? `vec4<${scalar}>` : scalar;
      const type = name.toUpperCase();
      return {
        buffers: buffers.map((each) => ({ ...each, element })),
        functions: `alias ${type}Free = u32;
alias ${type}Depth = u32;
fn ${name}Free(batch: u32, free: u32) -> u32 {
  return ${offsetAt("batch", batch)} + ${offsetAt("free", free)};
}
fn ${name}Depth(depth: u32) -> u32 {
  return ${offsetAt("depth", depth)};
}
fn ${name}At(free: u32, depth: u32) -> ${element} {
  return ${at(quads ? "(free + depth) / 4u" : "free + depth")};
}
`,
      };
    },
  };
}
