import { combineText, planCombination } from "../combine.ts";
import { gridOf, type Shader, type ShaderLimits, storedType } from "../shader.ts";
import { assemble } from "./assemble.ts";
import type { Product, Split } from "./product.ts";

/** How the invocations of a workgroup divide the work: several may sum one element together. */
export interface Lanes {
  readonly elements: number;
  /** A power of two. */
  readonly lanes: number;
  /** Whether neighbouring invocations are lanes of one element, or else neighbouring elements. */
  readonly side: "lanes" | "elements";
}

/**
 * A product element by element: for vectors, long sums and matrices too small for tiles. The lanes of an element
 * take every `lanes`-th step of its sum each and are added pairwise.
 */
export function elementsShader(
  product: Product,
  { elements, lanes, side }: Lanes,
  split: Split,
  limits: ShaderLimits,
): Shader {
  const { rows, columns, depth, batches, dtype } = product;
  const scalar = storedType(dtype);
  const a = product.a.text("a", false);
  const b = product.b.text("b", false);
  const size = rows * columns * batches;
  const across = Math.ceil(size / elements);
  const grid = gridOf(across * split.parts, limits);
  const [element, lane] = side === "lanes"
    ? [`local / ${lanes}u`, `local % ${lanes}u`]
    : [`local % ${elements}u`, `local / ${elements}u`];
  // From one lane to the next in workgroup memory.
  const step = side === "lanes" ? 1 : elements;

  const combination = planCombination(lanes, step, elements * lanes, limits);
  const { subgroups, usesMemory } = combination;
  const combined = combineText(combination, {
    value: "sum",
    slice: "lane",
    shared: "sums",
    merge: (a, b) => `${a} + ${b}`,
  });
  const way = lanes === 1 ? "" : `, ${lanes} lanes${subgroups === false ? "" : ", subgroups"}`;

  return assemble({
    label: `product by elements${way}`,
    buffers: [...a.buffers, ...b.buffers, {
      name: "out",
      buffer: split.target,
      element: scalar,
      writes: true,
    }],
    invocations: elements * lanes,
    subgroups,
    grid,
    declarations: `${a.functions}${b.functions}${
      usesMemory ? `var<workgroup> sums: array<${scalar}, ${elements * lanes}>;\n` : ""
    }`,
    body: `  if (workgroup >= ${across * split.parts}u) {
    return;
  }
  let element = workgroup % ${across}u * ${elements}u + ${element};
  let lane = ${lane};
  let part = workgroup / ${across}u;
  let end = min((part + 1u) * ${split.depth}u, ${depth}u);
  // What lies beyond the last element is computed again and not stored.
  let at = min(element, ${size - 1}u);
  let batch = at / ${rows * columns}u;
  let row = aFree(batch, at / ${columns}u % ${rows}u);
  let column = bFree(batch, at % ${columns}u);
  var sum = ${scalar}();
  for (var depth = part * ${split.depth}u + lane; depth < end; depth += ${lanes}u) {
    sum += aAt(row, aDepth(depth)) * bAt(column, bDepth(depth));
  }
${combined}  if (lane == 0u && element < ${size}u) {
    out[part * ${size}u + element] = sum;
  }
`,
  });
}
