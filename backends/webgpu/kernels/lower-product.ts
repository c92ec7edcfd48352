import { DeviceError } from "../../../src/core/errors.ts";
import { elementBytes, type Lowered, type Shader, type ShaderLimits } from "../shader.ts";
import { addParts } from "./add-parts.ts";
import { usualInvocations, zeros } from "./assemble.ts";
import { elementsShader, type Lanes } from "./product-elements.ts";
import type { Product, Split } from "./product.ts";
import { type Tile, tileShader, tileStorage } from "./product-tile.ts";

/** A way to make a product. */
export interface Way {
  readonly cost: number;
  /** Into which the sums are cut. */
  readonly parts: number;
  /** Steps of a part are a multiple of it. */
  readonly step: number;
  readonly shader: (split: Split) => Shader;
}

/**
 * Tiles, and how much of a GPU's arithmetic they reach against the largest. Per invocation 8 by 8 elements (or 4 by 4)
 * lie in registers, which is what decides: it says how many multiplications there are to an access of workgroup memory.
 * Estimates, in the order and about the ratios that two software adapters show.
 */
const tiles: readonly { readonly tile: Tile; readonly yields: number }[] = [
  { tile: { rows: 128, columns: 128, depth: 8, invocations: [16, 16] }, yields: 1 },
  { tile: { rows: 64, columns: 64, depth: 8, invocations: [8, 8] }, yields: 0.85 },
  { tile: { rows: 32, columns: 32, depth: 16, invocations: [8, 8] }, yields: 0.5 },
];
/** The same without any sharing; and the time of a step of a sum, however few are made at once: reading is slow. */
const elementsYield = 0.12;
const elementsLatency = 100;

/** A large GPU, for which ways are chosen: it has so many cores, and each runs so many invocations at once. */
const cores = 128;
const coreInvocations = 128;
/** What else takes time there, in products of one invocation: another dispatch; an element to memory and back. */
const dispatchCost = 8000;
const memoryCost = 80;
/** The fewest steps of a sum that are a part of their own. */
const leastDepth = 256;
/** The most: the loops of a shader end after 65,535 turns on some software devices. */
const mostDepth = 32768;

/** Makes shaders of products, in the way that costs least. */
export function lowerProduct(
  functionName: string,
  product: Product,
  firstBuffer: number,
  limits: ShaderLimits,
): Lowered {
  const { dtype, rows, columns, batches, depth, output } = product;
  if (dtype !== "float32" && dtype !== "int32" && dtype !== "uint32") {
    throw new DeviceError(
      functionName,
      `cannot take ${dtype} on the GPU; expected float32, int32 or uint32`,
    );
  }
  const size = rows * columns * batches;
  if (size === 0) return { shaders: [], buffers: [] };
  if (depth === 0) return { shaders: [zeros(output, size, limits)], buffers: [] };
  const way = waysOf(product, limits).reduce((best, each) => each.cost < best.cost ? each : best);
  return lowerBy(way, product, firstBuffer, limits);
}

/** Makes shaders of products in one way. */
export function lowerBy(
  { parts: wanted, step, shader }: Pick<Way, "parts" | "step" | "shader">,
  product: Product,
  firstBuffer: number,
  limits: ShaderLimits,
): Lowered {
  const { dtype, rows, columns, batches, output } = product;
  const least = Math.max(wanted, Math.ceil(product.depth / mostDepth));
  const depth = Math.ceil(product.depth / least / step) * step;
  const parts = Math.ceil(product.depth / depth);
  if (parts === 1) return { shaders: [shader({ parts, depth, target: output })], buffers: [] };
  const count = rows * columns * batches;
  return {
    shaders: [
      shader({ parts, depth, target: firstBuffer }),
      addParts({ dtype, count, parts, source: firstBuffer, target: output }, limits),
    ],
    buffers: [parts * count * elementBytes],
  };
}

/** The ways to make products that are not empty. */
export function waysOf(product: Product, limits: ShaderLimits): Way[] {
  const ways = tiles
    .filter(({ tile }) =>
      tile.invocations[0] * tile.invocations[1] <= limits.invocationsPerWorkgroup &&
      tileStorage(product, tile, limits) <= limits.workgroupStorage
    )
    .map(({ tile, yields }) => tileWay(product, tile, yields, limits));
  return [...ways, elementsWay(product, limits)];
}

function tileWay(product: Product, tile: Tile, yields: number, limits: ShaderLimits): Way {
  const blocks = Math.ceil(product.rows / tile.rows) * Math.ceil(product.columns / tile.columns) *
    product.batches;
  const invocations = tile.invocations[0] * tile.invocations[1];
  const work = Math.ceil(product.depth / tile.depth) * tile.depth * tile.rows * tile.columns /
    invocations / yields;
  return {
    ...costOf(product, blocks, invocations, work),
    step: tile.depth,
    shader: (split) => tileShader(product, tile, split, limits),
  };
}

function elementsWay(product: Product, limits: ShaderLimits): Way {
  const invocations = usualInvocations(limits);
  const lanes = lanesOf(product, invocations);
  const blocks = Math.ceil(product.rows * product.columns * product.batches / lanes.elements);
  const steps = Math.ceil(product.depth / lanes.lanes);
  return {
    ...costOf(product, blocks, invocations, steps / elementsYield, steps * elementsLatency),
    step: lanes.lanes,
    shader: (split) => elementsShader(product, lanes, split, limits),
  };
}

/**
 * The time that `blocks` workgroups take, each of whose invocations does so much work in no less time: as they are, or with the sums cut
 * into parts, which keeps all cores busy.
 */
function costOf(
  { rows, columns, batches, depth }: Product,
  blocks: number,
  invocations: number,
  work: number,
  leastTime: number = work,
): { cost: number; parts: number } {
  const timeOf = (parts: number) => {
    const turns = Math.ceil(blocks * parts / cores) * invocations / coreInvocations;
    const size = parts * rows * columns * batches;
    const adding = dispatchCost + memoryCost * size / (cores * coreInvocations);
    return Math.max(leastTime, turns * work) / parts + (parts === 1 ? 0 : adding);
  };
  const together = cores * Math.max(1, coreInvocations / invocations);
  const most = Math.max(1, Math.min(Math.floor(together / blocks), Math.floor(depth / leastDepth)));
  const parts = timeOf(most) < timeOf(1) ? most : 1;
  return { cost: timeOf(parts), parts };
}

/** Neighbouring invocations read neighbouring elements of the larger operand. */
function lanesOf({ rows, columns, batches, depth, a, b }: Product, invocations: number): Lanes {
  const larger = rows > columns ? a : b;
  const isAcross = larger.nearest === "free";
  const size = rows * columns * batches;
  // Little is computed with what is read: many invocations hide how long reading takes.
  const wanted = Math.min(8 * cores * coreInvocations / size, depth / 8);
  const least = larger.nearest === "depth" ? Math.min(32, depth / 8) : 1;
  const most = isAcross ? invocations / 16 : invocations;
  const lanes = powerOfTwo(Math.min(Math.max(wanted, least), most));
  return { lanes, elements: invocations / lanes, side: isAcross ? "elements" : "lanes" };
}

/** The greatest power of two that is not greater. */
function powerOfTwo(value: number): number {
  return 2 ** Math.max(0, Math.floor(Math.log2(value)));
}
