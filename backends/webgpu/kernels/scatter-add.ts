import type { Kernel, KernelOperand } from "../../../src/backend/program.ts";
import type { DType } from "../../../src/core/dtype.ts";
import { sizeOf } from "../../../src/core/shape.ts";
import {
  elementBytes,
  type Lowered,
  type Shader,
  type ShaderLimits,
  storedType,
} from "../shader.ts";
import { addParts } from "./add-parts.ts";
import { assembleEach, operandText, zeros } from "./assemble.ts";

/** updates [outer, count, inner] to [outer, extent, inner]. */
interface Scatter {
  readonly updates: KernelOperand;
  readonly indices: KernelOperand;
  readonly outer: number;
  readonly count: number;
  readonly inner: number;
  readonly extent: number;
  readonly dtype: DType;
}

/** Up to as many indices every element of the result looks through all of them. */
const fewIndices = 128;
/** Indices are cut into parts of at least so many, and into at most so many parts. */
const leastPart = 256;
const mostParts = 256;
/** But a part is not longer than that: the loops of a shader end after 65,535 turns on some software devices. */
const longestPart = 32768;

/** The bits of a link: where the next equal index is, and whether it is the first. */
const noNext = "0x7fffffffu";
const isFirst = "0x80000000u";

/**
 * `scatterAdd` without atomic additions, whose order would change from run to run. Equal indices are first linked, each
 * to the next; then the first of each chain adds the rows of all of them. To bound the search and the chains many
 * indices into few places are cut into parts that are added at last.
 */
export function lowerScatterAdd(
  { params: { axis, extent }, operands, output }: Kernel<"scatterAdd">,
  firstBuffer: number,
  limits: ShaderLimits,
): Lowered {
  const [updates, indices] = [operands[0]!, operands[1]!];
  const { shape, dtype } = updates.spec;
  const outer = sizeOf(shape.slice(0, axis));
  const count = sizeOf(indices.spec.shape);
  const inner = sizeOf(shape.slice(axis + indices.spec.shape.length));
  const size = outer * extent * inner;
  const scatter: Scatter = { updates, indices, outer, count, inner, extent, dtype };

  if (size === 0) return { shaders: [], buffers: [] };
  if (count === 0) return { shaders: [zeros(output.buffer, size, limits)], buffers: [] };
  if (count <= fewIndices) {
    return { shaders: [searchEach(scatter, output.buffer, limits)], buffers: [] };
  }
  // The parts together are no larger than the updates, if that makes them short enough.
  const wanted = Math.min(mostParts, Math.floor(count / Math.max(extent, leastPart)));
  const partLength = Math.ceil(count / Math.max(wanted, Math.ceil(count / longestPart)));
  const parts = Math.ceil(count / partLength);
  const target = parts === 1 ? output.buffer : firstBuffer + 1;
  const shaders = [
    link(scatter, partLength, firstBuffer, limits),
    zeros(target, parts * size, limits),
    addChains(scatter, partLength, firstBuffer, target, limits),
  ];
  const buffers = [count * elementBytes];
  if (parts > 1) {
    shaders.push(
      addParts({ dtype, count: size, parts, source: target, target: output.buffer }, limits),
    );
    buffers.push(parts * size * elementBytes);
  }
  return { shaders, buffers };
}

/** Elements that an invocation adds at a time, and their type. */
function vectorOf({ inner, dtype, updates }: Scatter): { width: number; element: string } {
  const scalar = storedType(dtype);
  return inner % 4 === 0 && !("literal" in updates)
    ? { width: 4, element: `vec4<${scalar}>` }
    : { width: 1, element: scalar };
}

function searchEach(scatter: Scatter, target: number, limits: ShaderLimits): Shader {
  const { outer, count, inner, extent } = scatter;
  const { width, element } = vectorOf(scatter);
  const row = inner / width;
  const updates = operandText("updates", scatter.updates);
  const indices = operandText("indices", scatter.indices);
  return assembleEach({
    label: "scatterAdd by search",
    buffers: [
      ...updates.buffers.map((buffer) => ({ ...buffer, element })),
      ...indices.buffers,
      { name: "out", buffer: target, element, writes: true },
    ],
    count: outer * extent * row,
    limits,
    body: `  let place = i32(i / ${row}u % ${extent}u);
  let first = i / ${extent * row}u * ${count * row}u + i % ${row}u;
  var sum = ${element}();
  for (var j = 0u; j < ${count}u; j++) {
    if (${indices.at("j")} == place) {
      sum += ${updates.at(`first + j * ${row}u`)};
    }
  }
  out[i] = sum;
`,
  });
}

/** For each index: where in its part the next equal one is, and whether there is none before. */
function link(
  { indices, count, extent }: Scatter,
  partLength: number,
  links: number,
  limits: ShaderLimits,
): Shader {
  const { buffers, at } = operandText("indices", indices);
  return assembleEach({
    label: "scatterAdd: links",
    buffers: [...buffers, { name: "links", buffer: links, element: "u32", writes: true }],
    count,
    limits,
    body: `  let place = ${at("i")};
  if (u32(place) >= ${extent}u) {
    links[i] = ${noNext};
    return;
  }
  let start = i / ${partLength}u * ${partLength}u;
  let end = min(start + ${partLength}u, ${count}u);
  var link = ${noNext};
  for (var j = i + 1u; j < end; j++) {
    if (${at("j")} == place) {
      link = j;
      break;
    }
  }
  var first = ${isFirst};
  for (var j = i; j > start; j--) {
    if (${at("j - 1u")} == place) {
      first = 0u;
      break;
    }
  }
  links[i] = link | first;
`,
  });
}

/** The first of each chain adds the rows of its chain, in ascending order, as the reference does. */
function addChains(
  scatter: Scatter,
  partLength: number,
  links: number,
  target: number,
  limits: ShaderLimits,
): Shader {
  const { outer, count, inner, extent } = scatter;
  const { width, element } = vectorOf(scatter);
  const row = inner / width;
  const updates = operandText("updates", scatter.updates);
  const indices = operandText("indices", scatter.indices);
  return assembleEach({
    label: "scatterAdd: sums",
    buffers: [
      ...updates.buffers.map((buffer) => ({ ...buffer, element })),
      ...indices.buffers,
      { name: "links", buffer: links, element: "u32" },
      { name: "out", buffer: target, element, writes: true },
    ],
    count: outer * count * row,
    limits,
    body: `  let position = i / ${row}u % ${count}u;
  var link = links[position];
  if (link < ${isFirst}) {
    return;
  }
  let block = i / ${count * row}u;
  let column = i % ${row}u;
  var sum = ${updates.at("i")};
  loop {
    let next = link & ${noNext};
    if (next == ${noNext}) {
      break;
    }
    sum += ${updates.at(`(block * ${count}u + next) * ${row}u + column`)};
    link = links[next];
  }
  let part = position / ${partLength}u;
  let place = u32(${indices.at("position")});
  out[((part * ${outer}u + block) * ${extent}u + place) * ${row}u + column] = sum;
`,
  });
}
