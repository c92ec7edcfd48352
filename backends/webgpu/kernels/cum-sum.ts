import type { DType } from "../../../src/core/dtype.ts";
import type { Kernel } from "../../../src/backend/program.ts";
import { sizeOf } from "../../../src/core/shape.ts";
import {
  elementBytes,
  gridOf,
  type Lowered,
  type Shader,
  type ShaderLimits,
  storedType,
} from "../shader.ts";
import { assemble, assembleEach, bufferOf, usualInvocations } from "./assemble.ts";

/** x [outer, extent, inner], summed along the middle axis: `outer * inner` rows. */
interface Sums {
  readonly source: number;
  readonly target: number;
  readonly outer: number;
  readonly extent: number;
  readonly inner: number;
  readonly reverse: boolean;
  readonly dtype: DType;
}

/** From so many rows on an invocation walks along each: there is enough to do. */
const manyRows = 8192;
/** Rows shorter than this are walked in any case. */
const shortRow = 64;
/** Few rows longer than this are cut into segments. */
const longRow = 16384;
const mostSegments = 256;
/** Any longer than that: the loops of a shader end after 65,535 turns on some software devices. */
const longestRow = 2 ** 22;
/** Neighbours that an invocation of a workgroup sums by itself. */
const each = 4;

/** `cumSum`: an invocation a row, a workgroup a row, or a workgroup a segment of a row. */
export function lowerCumSum(
  { params: { axis, reverse }, operands, output }: Kernel<"cumSum">,
  firstBuffer: number,
  limits: ShaderLimits,
): Lowered {
  const { shape, dtype } = operands[0]!.spec;
  if (sizeOf(shape) === 0) return { shaders: [], buffers: [] };
  const outer = sizeOf(shape.slice(0, axis));
  const extent = shape[axis]!;
  const inner = sizeOf(shape.slice(axis + 1));
  const sums: Sums = {
    source: bufferOf(operands[0]!),
    target: output.buffer,
    outer,
    extent,
    inner,
    reverse,
    dtype,
  };
  const rows = outer * inner;
  if (extent < shortRow || (rows >= manyRows && inner > 1)) {
    return { shaders: [walkRows(sums, limits)], buffers: [] };
  }
  const step = each * usualInvocations(limits);
  const length = (rows < 64 && extent > longRow) || extent > longestRow
    ? Math.ceil(Math.max(longRow / 4, extent / mostSegments) / step) * step
    : extent;
  const segments = Math.ceil(extent / length);
  const shaders = [scanSegments(sums, length, limits)];
  if (segments === 1) return { shaders, buffers: [] };
  return {
    shaders: [
      ...shaders,
      carries(sums, length, firstBuffer, limits),
      addCarries(sums, length, firstBuffer, limits),
    ],
    buffers: [rows * segments * elementBytes],
  };
}

/** What adds nothing to any number: -0 of floats, of which no compiler knows. `group.z` is 0. */
function nothing(dtype: DType): string {
  const element = storedType(dtype);
  return element === "f32" ? "bitcast<f32>(0x80000000u | group.z)" : `${element}()`;
}

/** Where the `at`-th summand of a row lies. */
function place({ extent, inner, reverse }: Sums, row: string, at: string): string {
  const along = reverse ? `(${extent - 1}u - (${at}))` : `(${at})`;
  return `${row} / ${inner}u * ${extent * inner}u + ${along} * ${inner}u + ${row} % ${inner}u`;
}

function walkRows(sums: Sums, limits: ShaderLimits): Shader {
  const { outer, extent, inner, dtype, source, target } = sums;
  const element = storedType(dtype);
  return assembleEach({
    label: "cumSum by rows",
    buffers: [
      { name: "x", buffer: source, element },
      { name: "out", buffer: target, element, writes: true },
    ],
    count: outer * inner,
    limits,
    body: `  var at = ${place(sums, "i", "0u")};
  var sum = x[at];
  out[at] = sum;
  for (var j = 1u; j < ${extent}u; j++) {
    at = ${place(sums, "i", "j")};
    sum += x[at];
    out[at] = sum;
  }
`,
  });
}

/**
 * A workgroup goes along each segment in steps. In a step an invocation sums some neighbours, the invocations' sums are
 * summed in workgroup memory by doubling distances, and the sum of all steps before is added.
 */
function scanSegments(sums: Sums, length: number, limits: ShaderLimits): Shader {
  const { outer, extent, inner, dtype, source, target } = sums;
  const element = storedType(dtype);
  const invocations = usualInvocations(limits);
  const segments = Math.ceil(extent / length);
  const count = outer * inner * segments;
  const own = Array.from({ length: each }, (_, i) => i);
  return assemble({
    label: "cumSum by workgroups",
    buffers: [
      { name: "x", buffer: source, element },
      { name: "out", buffer: target, element, writes: true },
    ],
    invocations,
    grid: gridOf(count, limits),
    declarations: `var<workgroup> totals: array<${element}, ${invocations}>;\n`,
    body: `  if (workgroup >= ${count}u) {
    return;
  }
  let row = workgroup / ${segments}u;
  let start = workgroup % ${segments}u * ${length}u;
  let end = min(start + ${length}u, ${extent}u);
  let nothing = ${nothing(dtype)};
  var carry = nothing;
  for (var first = start; first < end; first += ${each * invocations}u) {
    let at = first + local * ${each}u;
${
      own.map((i) =>
        `    var sum${i} = nothing;
    if (at + ${i}u < end) {
      sum${i} = x[${place(sums, "row", `at + ${i}u`)}];
    }
${
          i === 0
            ? ""
            : `    sum${i} += sum${i - 1};\n`
        }`
      ).join("")
    }    totals[local] = sum${each - 1};
    workgroupBarrier();
    for (var distance = 1u; distance < ${invocations}u; distance *= 2u) {
      var total = totals[local];
      if (local >= distance) {
        total = totals[local - distance] + total;
      }
      workgroupBarrier();
      totals[local] = total;
      workgroupBarrier();
    }
    var before = carry;
    if (local > 0u) {
      before += totals[local - 1u];
    }
    carry += totals[${invocations - 1}];
${
      own.map((i) =>
        `    if (at + ${i}u < end) {
      out[${place(sums, "row", `at + ${i}u`)}] = before + sum${i};
    }
`
      ).join("")
    }    workgroupBarrier();
  }
`,
  });
}

/** For each segment the sum of those before it. */
function carries(sums: Sums, length: number, carry: number, limits: ShaderLimits): Shader {
  const { outer, extent, inner, dtype, target } = sums;
  const element = storedType(dtype);
  const segments = Math.ceil(extent / length);
  return assembleEach({
    label: "cumSum: carries",
    buffers: [
      { name: "sums", buffer: target, element },
      { name: "carries", buffer: carry, element, writes: true },
    ],
    count: outer * inner * segments,
    limits,
    body: `  let row = i / ${segments}u;
  var sum = ${nothing(dtype)};
  for (var segment = 0u; segment < i % ${segments}u; segment++) {
    sum += sums[${place(sums, "row", `segment * ${length}u + ${length - 1}u`)}];
  }
  carries[i] = sum;
`,
  });
}

function addCarries(sums: Sums, length: number, carry: number, limits: ShaderLimits): Shader {
  const { outer, extent, inner, dtype, target } = sums;
  const element = storedType(dtype);
  const segments = Math.ceil(extent / length);
  return assembleEach({
    label: "cumSum: sums of segments",
    buffers: [
      { name: "carries", buffer: carry, element },
      { name: "out", buffer: target, element, writes: true },
    ],
    count: outer * extent * inner,
    limits,
    body: `  let row = i / ${extent}u;
  let at = i % ${extent}u;
  out[${place(sums, "row", "at")}] += carries[row * ${segments}u + at / ${length}u];
`,
  });
}
