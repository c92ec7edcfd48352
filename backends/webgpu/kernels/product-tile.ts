import { elementBytes, gridOf, type Shader, type ShaderLimits, storedType } from "../shader.ts";
import { assemble } from "./assemble.ts";
import type { Product, ProductOperand, Split } from "./product.ts";

/** How a workgroup shares the work on a block of the result. */
export interface Tile {
  readonly rows: number;
  readonly columns: number;
  /** Steps of the sum whose operands lie in workgroup memory at a time. */
  readonly depth: number;
  /** Invocations along the rows and along the columns. */
  readonly invocations: readonly [number, number];
}

/** Whether a product's tiles hold float16: where that was asked for, and rounds no integers. */
function isHalved({ dtype }: Product, { float16 }: ShaderLimits): boolean {
  return float16 && dtype === "float32";
}

/** Bytes of workgroup memory that a tile takes at most. */
export function tileStorage(
  product: Product,
  { rows, columns, depth }: Tile,
  limits: ShaderLimits,
): number {
  return depth * (rows + columns + 8) * (isHalved(product, limits) ? 2 : elementBytes);
}

/**
 * Rounds what a tile holds. What is beyond float16 becomes infinite: WGSL would let it be the largest number just as
 * well, which nobody would notice.
 */
const halves = `fn halves(values: vec4<f32>) -> vec4<f16> {
  let bits = bitcast<vec4<u32>>(values);
  let size = bits & vec4<u32>(0x7fffffffu);
  let isBeyond = (size >= vec4<u32>(0x477ff000u)) & (size < vec4<u32>(0x7f800000u));
  let infinity = bits & vec4<u32>(0x80000000u) | vec4<u32>(0x7f800000u);
  return vec4<f16>(bitcast<vec4<f32>>(select(bits, infinity, isBeyond)));
}
`;

/** The part of one operand in a tile: how it is brought into workgroup memory. */
interface Side {
  /** Declarations before the loop over the depth: what stays the same in it. */
  readonly before: string;
  /** Reads the next step's elements. */
  readonly read: string;
  /** Puts what was read into workgroup memory. */
  readonly write: string;
  /** Vectors from one step of the sum to the next in workgroup memory. */
  readonly pitch: number;
}

/**
 * A product by tiles. Each workgroup makes a block of the result; each invocation sums some rows by some columns of
 * it in registers, in fours. What a step of the sum needs is brought into workgroup memory as vectors of four
 * neighbours along `free`, and while a step is summed the next is already being read.
 *
 * Float16 halves that memory and its traffic, no more: a product of two float16 is exact in float32, so it is made
 * there and summed at once. Made in float16 it would round and overflow once more, and cost a conversion each.
 *
 * Subgroups have nothing to give here: what their invocations could tell each other, an operand that several need, is
 * one access of workgroup memory for all of them already.
 */
export function tileShader(
  product: Product,
  tile: Tile,
  split: Split,
  limits: ShaderLimits,
): Shader {
  const { rows, columns, depth, batches, dtype } = product;
  const [down, across] = tile.invocations;
  const invocations = down * across;
  const vector = `vec4<${storedType(dtype)}>`;
  const halved = isHalved(product, limits);
  const vectorOut = columns % 4 === 0;

  const aQuads = product.a.hasQuads;
  const bQuads = product.b.hasQuads;
  const a = product.a.text("a", aQuads);
  const b = product.b.text("b", bQuads);
  const sideOf = (name: string, operand: ProductOperand, extent: number, whole: number) =>
    loadSide(name, operand, { tile, invocations, extent, whole, depth, vector, halved });
  const aSide = sideOf("a", product.a, tile.rows, rows);
  const bSide = sideOf("b", product.b, tile.columns, columns);

  const rowQuads = tile.rows / 4 / down;
  const columnQuads = tile.columns / 4 / across;
  const [overRows, overColumns] = [range(rowQuads), range(columnQuads)];
  const sum = (i: number, r: number, j: number) => `sum${i * 4 + r}_${j}`;
  const everySum = overRows.flatMap((i) =>
    range(4).map((r) => overColumns.map((j) => ({ i, r, j })))
  )
    .flat();

  const tilesAcross = Math.ceil(columns / tile.columns);
  const tilesDown = Math.ceil(rows / tile.rows);
  const count = tilesAcross * tilesDown * batches * split.parts;
  const grid = gridOf(count, limits);
  const held = halved ? "vec4<f16>" : vector;
  const taken = (at: string) => halved ? `${vector}(${at})` : at;
  return assemble({
    label: `product by tiles of ${tile.rows}x${tile.columns}${halved ? ", float16" : ""}`,
    extensions: halved ? ["f16"] : [],
    buffers: [...a.buffers, ...b.buffers, {
      name: "out",
      buffer: split.target,
      element: vectorOut ? vector : storedType(dtype),
      writes: true,
    }],
    invocations,
    grid,
    declarations: `${a.functions}${b.functions}
var<workgroup> aTile: array<${held}, ${tile.depth * aSide.pitch}>;
var<workgroup> bTile: array<${held}, ${tile.depth * bSide.pitch}>;
${halved ? halves : ""}${storeFunction(product, vector, vectorOut)}`,
    body: `  if (workgroup >= ${count}u) {
    return;
  }
  let firstColumn = workgroup % ${tilesAcross}u * ${tile.columns}u;
  let firstRow = workgroup / ${tilesAcross}u % ${tilesDown}u * ${tile.rows}u;
  let matrix = workgroup / ${tilesAcross * tilesDown}u;
  let batch = matrix % ${batches}u;
  var depth = matrix / ${batches}u * ${split.depth}u;
  let end = min(depth + ${split.depth}u, ${depth}u);
  let x = local % ${across}u;
  let y = local / ${across}u;
${aSide.before}${bSide.before}${aSide.read}${bSide.read}${
      everySum.map(({ i, r, j }) => `  var ${sum(i, r, j)} = ${vector}();\n`).join("")
    }  loop {
${aSide.write}${bSide.write}    workgroupBarrier();
    depth += ${tile.depth}u;
    let more = depth < end;
    if (more) {
${aSide.read}${bSide.read}    }
    for (var step = 0u; step < ${tile.depth}u; step++) {
${
      overRows.map((i) =>
        `      let a${i} = ${taken(`aTile[step * ${aSide.pitch}u + y + ${i * down}u]`)};\n`
      ).join("")
    }${
      overColumns.map((j) =>
        `      let b${j} = ${taken(`bTile[step * ${bSide.pitch}u + x + ${j * across}u]`)};\n`
      ).join("")
    }${
      everySum.map(({ i, r, j }) => `      ${sum(i, r, j)} += a${i}.${"xyzw"[r]} * b${j};\n`).join(
        "",
      )
    }    }
    if (!more) {
      break;
    }
    workgroupBarrier();
  }
  let row = firstRow + y * 4u;
  let column = firstColumn + x * 4u;
${
      everySum.map(({ i, r, j }) =>
        `  store(matrix, row + ${i * down * 4 + r}u, column + ${j * across * 4}u, ${
          sum(i, r, j)
        });\n`
      ).join("")
    }`,
  });
}

function storeFunction({ rows, columns }: Product, vector: string, vectorOut: boolean): string {
  const at = `(matrix * ${rows}u + row) * ${columns}u + column`;
  const stores = vectorOut
    ? `  if (row < ${rows}u && column < ${columns}u) {
    out[(${at}) / 4u] = value;
  }
`
    : `  let at = ${at};
  if (row < ${rows}u) {
${
      range(4).map((i) =>
        `    if (column + ${i}u < ${columns}u) {
      out[at + ${i}u] = value[${i}];
    }
`
      ).join("")
    }  }
`;
  return `fn store(matrix: u32, row: u32, column: u32, value: ${vector}) {\n${stores}}\n`;
}

interface SideSizes {
  readonly tile: Tile;
  readonly invocations: number;
  /** Of the tile along the free axis, and of the whole operand. */
  readonly extent: number;
  readonly whole: number;
  readonly depth: number;
  readonly vector: string;
  readonly halved: boolean;
}

/**
 * Neighbouring invocations read neighbouring elements, whichever way they lie. Where that is along the depth, they
 * write to workgroup memory a pitch apart: one vector more than fits keeps them on different banks of it.
 */
function loadSide(
  name: string,
  { nearest, hasQuads }: ProductOperand,
  { tile, invocations, extent, whole, depth, vector, halved }: SideSizes,
): Side {
  const quads = extent / 4;
  const pitch = nearest === "free" ? quads : quads + 1;
  // Each invocation brings a vector in each of `turns`.
  const turns = range(Math.ceil(quads * tile.depth / invocations));
  const isFree = nearest === "free";
  const first = name === "a" ? "firstRow" : "firstColumn";
  const [quad, step] = [`${name}Quad`, `${name}Step`];
  const along = isFree ? quads : tile.depth;
  const further = invocations / along;
  const quadAt = (turn: number) => isFree ? quad : `(${quad} + ${turn * further}u)`;
  const stepAt = (turn: number) => isFree ? `(${step} + ${turn * further}u)` : step;
  // What lies beyond the edge is computed from the last element and not stored.
  const last = hasQuads ? whole - 4 : whole - 1;
  const parts = range(hasQuads ? 1 : 4);
  const freeTurns = isFree ? [0] : turns;

  const before = `  let ${quad} = local ${isFree ? "%" : "/"} ${along}u;
  let ${step} = local ${isFree ? "/" : "%"} ${along}u;
${
    freeTurns.flatMap((turn) =>
      parts.map((part) =>
        `  let ${name}Free${turn}_${part} = ${name}Free(batch, min(${first} + ${
          quadAt(turn)
        } * 4u + ${part}u, ${last}u));\n`
      )
    ).join("")
  }${turns.map((turn) => `  var ${name}Next${turn}: ${vector};\n`).join("")}`;

  const isWhole = depth % tile.depth === 0;
  const read = turns.map((turn) => {
    const index = `depth + ${stepAt(turn)}`;
    const at = `${name}Depth(${isWhole ? index : `min(${index}, ${depth - 1}u)`})`;
    const elements = parts.map((part) => `${name}At(${name}Free${isFree ? 0 : turn}_${part}, at)`);
    const read = hasQuads ? elements[0]! : `${vector}(${elements.join(", ")})`;
    const value = isWhole ? read : `select(${vector}(), ${read}, ${index} < ${depth}u)`;
    return `  {
    let at = ${at};
    ${name}Next${turn} = ${value};
  }
`;
  }).join("");
  // Here and not where it is read, so that nobody waits for it before the step is summed.
  const value = (turn: number) => halved ? `halves(${name}Next${turn})` : `${name}Next${turn}`;
  const write = turns.map((turn) =>
    `    ${name}Tile[${stepAt(turn)} * ${pitch}u + ${quadAt(turn)}] = ${value(turn)};\n`
  ).join("");
  return { before, read, write, pitch };
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
