import type { DType } from "../../../src/core/dtype.ts";
import type { Kernel } from "../../../src/backend/program.ts";
import { isWorthSplitting } from "../../../src/backend/split-reduction.ts";
import { sizeOf } from "../../../src/core/shape.ts";
import { combineText, planCombination } from "../combine.ts";
import { partsFor } from "../reduction-stages.ts";
import { elementBytes, gridOf, type Lowered, type Shader, type ShaderLimits } from "../shader.ts";
import { assemble, bufferOf, type NamedBuffer, usualInvocations } from "./assemble.ts";

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

/** A search in each of `rows` rows, or in parts of them. */
interface Search {
  readonly source: NamedBuffer;
  readonly target: NamedBuffer;
  readonly rows: number;
  /** Candidates of a row, and of a part. */
  readonly extent: number;
  readonly length: number;
  /** Neighbours in a row are so far apart. */
  readonly inner: number;
  /** What the text needs before the entry point. */
  readonly declarations: string;
  /** A candidate's key and its index in the whole row, of what lies at `place` and is the `at`-th of its row. */
  readonly candidate: (place: string, at: string) => string;
  /** What is kept of the best one. */
  readonly result: (best: string) => string;
}

/**
 * `argMax`: a result for each invocation, or, where there are few long ones, for each workgroup. Very long rows are
 * searched in parts: all of a GPU takes part, and no loop has more turns than some software devices allow.
 */
export function lowerArgMax(
  { params: { axis }, operands, output }: Kernel<"argMax">,
  firstBuffer: number,
  limits: ShaderLimits,
): Lowered {
  const operand = operands[0]!;
  const { shape, dtype } = operand.spec;
  const rows = sizeOf(output.spec.shape);
  if (rows === 0) return { shaders: [], buffers: [] };
  const extent = shape[axis]!;
  const inner = sizeOf(shape.slice(axis + 1));
  const elements = {
    source: { name: "x", buffer: bufferOf(operand), element: "u32" },
    rows,
    extent,
    inner,
    declarations: keyFunction(dtype),
    candidate: (place: string, at: string) => `vec2u(keyOf(x[${place}]), ${at})`,
  };
  const results = {
    target: { name: "out", buffer: output.buffer, element: "i32", writes: true },
    result: (best: string) => `i32(${best}.y)`,
  };
  const options = partsFor(rows);
  if (!isWorthSplitting(rows, extent, options)) {
    return {
      shaders: [searchShader({ ...elements, ...results, length: extent }, limits)],
      buffers: [],
    };
  }
  const length = options.partPoints;
  const parts = Math.ceil(extent / length);
  const found = { name: "found", buffer: firstBuffer, element: "vec2<u32>" };
  return {
    shaders: [
      searchShader({
        ...elements,
        length,
        target: { ...found, writes: true },
        result: (best) => best,
      }, limits),
      searchShader({
        ...results,
        source: found,
        rows,
        extent: parts,
        length: parts,
        inner: 1,
        declarations: "",
        candidate: (place) => `found[${place}]`,
      }, limits),
    ],
    buffers: [rows * parts * 2 * elementBytes],
  };
}

function searchShader(search: Search, limits: ShaderLimits): Shader {
  const { source, target, rows, extent, length, inner, declarations, candidate, result } = search;
  const parts = Math.ceil(extent / length);
  const count = rows * parts;
  const invocations = usualInvocations(limits);
  const lanes = length >= 64 && (inner === 1 || count < 8192) ? invocations : 1;
  const each = invocations / lanes;
  const combination = planCombination(lanes, 1, invocations, limits);
  const { subgroups } = combination;
  const combined = combineText(combination, {
    value: "best",
    slice: "local",
    shared: "shared_best",
    merge: (a, b) => `larger(${a}, ${b})`,
  });
  const at = (j: string) => candidate(inner === 1 ? `first + ${j}` : `first + ${j} * ${inner}u`, j);
  const ends = extent % length === 0 ? `start + ${length}u` : `min(start + ${length}u, ${extent}u)`;
  return assemble({
    label: subgroups === false ? "argMax" : "argMax, subgroups",
    buffers: [source, target],
    invocations,
    subgroups,
    grid: gridOf(Math.ceil(count / each), limits),
    declarations: `${declarations}${lanes === 1 ? "" : larger}${
      combination.usesMemory ? `var<workgroup> shared_best: array<vec2u, ${lanes}>;\n` : ""
    }`,
    body: `  let i = workgroup${lanes === 1 ? ` * ${each}u + local` : ""};
  if (i >= ${count}u) {
    return;
  }
  let row = i / ${parts}u;
  let first = row / ${inner}u * ${extent * inner}u + row % ${inner}u;
  let start = i % ${parts}u * ${length}u;
  let end = ${ends};
  let begin = ${lanes === 1 ? "start" : "min(start + local, end - 1u)"};
  var best = ${at("begin")};
  for (var j = begin + ${lanes}u; j < end; j += ${lanes}u) {
    let other = ${at("j")};
    if (other.x > best.x) {
      best = other;
    }
  }
${
      lanes === 1 ? `  ${target.name}[i] = ${result("best")};\n` : `${combined}  if (local == 0u) {
    ${target.name}[i] = ${result("best")};
  }
`
    }`,
  });
}
