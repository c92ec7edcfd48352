import type { DType } from "../../../src/core/dtype.ts";
import type { Kernel } from "../../../src/backend/program.ts";
import { sizeOf } from "../../../src/core/shape.ts";
import { combineText, planCombination } from "../combine.ts";
import { gridOf, type Lowered, type ShaderLimits } from "../shader.ts";
import { assemble, bufferOf, usualInvocations } from "./assemble.ts";

/**
 * Whole numbers in the order of the elements, from their bits: WGSL need not compare NaN and subnormal numbers as
 * IEEE does. Both zeros are one number, and every NaN is the largest.
 */
const floatKey = `fn keyOf(bits: u32) -> u32 {
  let size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) {
    return 0xffffffffu;
  }
  if (size == 0u) {
    return 0x80000000u;
  }
  return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}
`;
const signedKey = "fn keyOf(bits: u32) -> u32 {\n  return bits ^ 0x80000000u;\n}\n";
const plainKey = "fn keyOf(bits: u32) -> u32 {\n  return bits;\n}\n";

/** Of equal elements the first. */
const larger = `fn larger(a: vec2u, b: vec2u) -> vec2u {
  return select(a, b, b.x > a.x || (b.x == a.x && b.y < a.y));
}
`;

function keyFunction(dtype: DType): string {
  if (dtype === "int32") return signedKey;
  return dtype === "uint32" || dtype === "bool" ? plainKey : floatKey;
}

/** `argMax`: a result for each invocation, or, where there are few long ones, for each workgroup. */
export function lowerArgMax(
  { params: { axis }, operands, output }: Kernel<"argMax">,
  _firstBuffer: number,
  limits: ShaderLimits,
): Lowered {
  const operand = operands[0]!;
  const { shape, dtype } = operand.spec;
  const size = sizeOf(output.spec.shape);
  if (size === 0) return { shaders: [], buffers: [] };
  const extent = shape[axis]!;
  const inner = sizeOf(shape.slice(axis + 1));
  const invocations = usualInvocations(limits);
  const lanes = extent >= 64 && (inner === 1 || size < 8192) ? invocations : 1;
  const each = invocations / lanes;
  const combination = planCombination(lanes, 1, invocations, limits);
  const { subgroups } = combination;
  const combined = combineText(combination, {
    value: "best",
    slice: "local",
    shared: "shared_best",
    merge: (a, b) => `larger(${a}, ${b})`,
  });
  const shader = assemble({
    label: subgroups === false ? "argMax" : "argMax, subgroups",
    buffers: [
      { name: "x", buffer: bufferOf(operand), element: "u32" },
      { name: "out", buffer: output.buffer, element: "i32", writes: true },
    ],
    invocations,
    subgroups,
    grid: gridOf(Math.ceil(size / each), limits),
    declarations: `${keyFunction(dtype)}${lanes === 1 ? "" : larger}${
      combination.usesMemory ? `var<workgroup> shared_best: array<vec2u, ${lanes}>;\n` : ""
    }`,
    body: `  let i = workgroup${lanes === 1 ? ` * ${each}u + local` : ""};
  if (i >= ${size}u) {
    return;
  }
  let first = i / ${inner}u * ${extent * inner}u + i % ${inner}u;
  var index = ${lanes === 1 ? "0u" : `min(local, ${extent - 1}u)`};
  var key = keyOf(x[first + index * ${inner}u]);
  for (var j = index + ${lanes}u; j < ${extent}u; j += ${lanes}u) {
    let other = keyOf(x[first + j * ${inner}u]);
    if (other > key) {
      key = other;
      index = j;
    }
  }
${
      lanes === 1 ? "  out[i] = i32(index);\n" : `  var best = vec2u(key, index);
${combined}  if (local == 0u) {
    out[i] = i32(best.y);
  }
`
    }`,
  });
  return { shaders: [shader], buffers: [] };
}
