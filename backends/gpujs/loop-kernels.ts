/** Loops as kernels of gpu.js: one for each store, and two where a large reduction is cut into parts. */
import { lateOf, type Loop } from "../../src/backend/loop.ts";
import { type DType, fromBFloat16Bits, isInteger, toBFloat16Bits } from "../../src/core/dtype.ts";
import { sizeOf, stridesOf } from "../../src/core/shape.ts";
import { applyTo, applyToBits, combineText, initialText } from "./apply.ts";
import { constantOf, isBits, isStorable, type Knowledge, knowledgeOf } from "./exactness.ts";
import { type Grid, type GridLimits, gridOf, indexText } from "./grid.ts";
import type { ArrayArgument, KernelSource } from "./kernel-source.ts";
import { type DenseLoop, denseLoop, neededFor, withStores } from "./nest.ts";
import type { Value } from "./value.ts";
import { createWriter, isFloat, type Writer } from "./writer.ts";

/** What a device lets kernels have. */
export interface KernelLimits extends GridLimits {
  /** Arrays that a kernel may read. */
  readonly arrays: number;
  /** Turns that a thread's loops may take together. */
  readonly turns: number;
  /** Whether float32 is to be rounded explicitly. */
  readonly rounds: boolean;
  /** Whether functions that kernels call are those of wgsl-functions.ts. */
  readonly wgslFunctions: boolean;
  /** Whether gpu.js gets bits of negative numbers wrong, as it does in GLSL. */
  readonly lacksBits?: boolean;
}

/** A loop as kernels, and what of it has to run elsewhere. */
export interface LoopKernels {
  /** In order. All write into buffers of the loop's own. */
  readonly kernels: readonly KernelSource[];
  /** Elements of those buffers, numbered from the first one that was free. */
  readonly owned: readonly number[];
  /** Which of them take the place of which buffer, once nothing reads any more what this held before. */
  readonly results: readonly { readonly owned: number; readonly buffer: number }[];
  /** The stores that gpu.js cannot do. */
  readonly rest?: Loop;
}

/** Points in a part of a reduction that is cut, and the most results of one that is. */
const partPoints = 1024;
const mostResults = 256;
/** Sums of more terms are made of sums of blocks, which rounds less. */
const blockTerms = 128;

/** In which order a loop's stores become kernels: what is stored first can be loaded by those that come later. */
export type StoreOrder = "first computed first" | "last computed first";

/** Writes kernels for a loop. `sizeOfBuffer` gives elements; buffers from `firstFree` on are its own. */
export function loopKernels(
  loop: Loop,
  limits: KernelLimits,
  sizeOfBuffer: (buffer: number) => number,
  firstFree: number,
  storeOrder: StoreOrder,
): LoopKernels {
  const kernels: KernelSource[] = [];
  const owned: number[] = [];
  const results: { owned: number; buffer: number }[] = [];
  const rest: Loop["stores"][number][] = [];
  // What one kernel has stored, those after it load.
  const known = [...loop.statements];
  const late = lateOf(loop);
  const order = loop.stores.map((_, which) => which)
    .sort((a, b) => loop.stores[a]!.statement - loop.stores[b]!.statement);
  if (storeOrder === "last computed first") order.reverse();
  for (const which of order) {
    const store = loop.stores[which]!;
    const { statement, access } = store;
    const size = sizeOfBuffer(access.buffer);
    if (size === 0) continue;
    const dense = denseLoop({ ...loop, statements: known }, which, size, late[statement]!);
    const made = dense &&
      kernelsOfStore(dense, access.dtype, size, limits, firstFree + owned.length);
    if (made === undefined) {
      rest.push(store);
      continue;
    }
    kernels.push(...made.kernels);
    owned.push(...made.owned);
    const result = firstFree + owned.length - 1;
    results.push({ owned: result, buffer: access.buffer });
    const { kind, dtype } = loop.statements[statement]!;
    // What is known of whole numbers would be lost, and loading once more what was loaded gains nothing.
    if (kind !== "load" && !isInteger(dtype)) {
      known[statement] = { kind: "load", access: { ...access, buffer: result }, dtype };
    }
  }
  return { kernels, owned, results, ...(rest.length > 0 && { rest: withStores(loop, rest) }) };
}

/** The last of the kernels gives the result, into the last of the buffers. */
function kernelsOfStore(
  loop: DenseLoop,
  dtype: DType,
  size: number,
  limits: KernelLimits,
  firstFree: number,
): Pick<LoopKernels, "kernels" | "owned"> | undefined {
  const knowledge = knowledgeOf(loop, loop.needed, limits);
  if (knowledge === undefined || !isStorable(knowledge.get(loop.stored))) return undefined;
  const reduces = loop.needed.some((index) => loop.statements[index]!.kind === "reduce");
  const cut = reduces ? cutReduction(loop) : undefined;
  const kernels: KernelSource[] = [];
  const owned: number[] = [];
  const partials = new Map<number, ArrayArgument>();
  if (cut !== undefined) {
    const outer = loop.extents.slice(0, loop.extents.length - loop.reduced);
    for (const index of loop.needed) {
      const statement = loop.statements[index]!;
      if (statement.kind !== "reduce") continue;
      const target = { buffer: firstFree + owned.length, dtype: statement.dtype };
      const kernel = writeKernel(loop, knowledge, { kind: "part", index, cut }, target, limits);
      if (kernel === undefined) return undefined;
      kernels.push(kernel);
      partials.set(index, target);
      owned.push(sizeOf(outer) * cut.parts);
    }
  }
  const whole = cut === undefined
    ? { kind: "whole" } as const
    : { kind: "combine", partials, cut } as const;
  const kernel = writeKernel(
    loop,
    knowledge,
    whole,
    { buffer: firstFree + owned.length, dtype },
    limits,
  );
  if (kernel === undefined) return undefined;
  return { kernels: [...kernels, kernel], owned: [...owned, size] };
}

/** A reduced axis in parts of `length`; the last part may be shorter. */
interface Cut {
  readonly axis: number;
  readonly length: number;
  readonly parts: number;
}

function cutReduction({ extents, reduced }: DenseLoop): Cut | undefined {
  const outer = extents.length - reduced;
  const inner = extents.slice(outer);
  const points = sizeOf(inner);
  if (reduced === 0 || sizeOf(extents.slice(0, outer)) > mostResults) return undefined;
  if (points < 4 * partPoints) return undefined;
  const axis = extents.indexOf(Math.max(...inner), outer);
  const length = Math.max(1, Math.floor(partPoints * extents[axis]! / points));
  return { axis, length, parts: Math.ceil(extents[axis]! / length) };
}

type Stage =
  /** All of it. */
  | { readonly kind: "whole" }
  /** Parts of one reduction. */
  | { readonly kind: "part"; readonly index: number; readonly cut: Cut }
  /** The parts together, and what comes after them. */
  | {
    readonly kind: "combine";
    readonly partials: ReadonlyMap<number, ArrayArgument>;
    readonly cut: Cut;
  };

function writeKernel(
  loop: DenseLoop,
  knowledge: ReadonlyMap<number, Knowledge>,
  stage: Stage,
  result: ArrayArgument,
  limits: KernelLimits,
): KernelSource | undefined {
  const { extents, reduced, statements } = loop;
  const writer = createWriter(limits.rounds);
  const outerCount = extents.length - reduced;
  const outer = extents.slice(0, outerCount);
  const shape = stage.kind === "part" ? [...outer, stage.cut.parts] : outer;
  const grid = gridOf(shape, limits, writer.call);
  if (grid === undefined) return undefined;

  const late = lateOf(loop);
  const varying = varyingStatements(loop);
  const values = new Map<number, Value>();
  const compute = (index: number, coordinates: readonly string[]): void => {
    const statement = statements[index]!;
    const { dtype } = statement;
    const defined = (text: string): Value => ({ name: writer.define(text), dtype });
    if (statement.kind === "load") {
      const { access } = statement;
      const at = indexText(access.offset, access.strides, coordinates);
      values.set(index, defined(writer.load(access, at)));
    } else if (statement.kind === "literal") {
      const literal = Math.fround(rounded(dtype, statement.value));
      const truth = literal !== 0 ? "1" : "0";
      values.set(index, {
        name: dtype === "bool" ? truth : writer.literal(literal),
        dtype,
        ...(isFloat(dtype) && { literal }),
      });
    } else if (statement.kind === "index") {
      const strides = extents.map((_, axis) => axis === statement.axis ? statement.stride : 0);
      const text = indexText(statement.offset, strides, coordinates);
      const constant = Number(text);
      values.set(index, {
        name: Number.isNaN(constant) ? writer.define(text) : writer.literal(constant),
        dtype,
      });
    } else if (statement.kind === "apply") {
      const args = statement.args.map((arg) => values.get(arg)!);
      const known = statement.args.map((arg) => knowledge.get(arg));
      const bits = known.findIndex(isBits);
      const value = bits >= 0 || isBits(knowledge.get(index))
        ? applyToBits(writer, statement, args[Math.max(bits, 0)]!, constantOf(known[1 - bits]))
        : applyTo(writer, statement, args);
      values.set(index, value);
    }
  };

  const wanted = stage.kind === "part"
    ? neededFor(statements, [stage.index])
    : stage.kind === "combine"
    ? neededAfter(loop)
    : loop.needed;
  // What is the same for all points of the reduction is computed first, the rest where it belongs.
  const first = [
    ...grid.coordinates.slice(0, outerCount),
    ...extents.slice(outerCount).map(() => "0"),
  ];
  for (const index of wanted) {
    if (!late[index] && !varying[index]) compute(index, first);
  }
  const reductions = wanted.filter((index) => statements[index]!.kind === "reduce");
  if (stage.kind === "combine") {
    for (const index of reductions) {
      values.set(index, combined(writer, loop, index, stage, grid.coordinates));
    }
  } else if (reductions.length > 0) {
    const inner = wanted.filter((index) => !late[index] && varying[index]);
    writeReduction(writer, loop, reductions, grid, stage.kind === "part" ? stage.cut : undefined, {
      compute: (coordinates) => inner.forEach((index) => compute(index, coordinates)),
      values,
    });
  }
  for (const index of wanted) {
    if (late[index] && statements[index]!.kind !== "reduce") compute(index, first);
  }
  const stored = stage.kind === "part" ? stage.index : loop.stored;
  const kernel = writer.finish(values.get(stored)!.name, grid.output, result);
  if (kernel.arrays.length > limits.arrays || writer.turns() > limits.turns) return undefined;
  return stage.kind === "part" ? kernel : { ...kernel, readsInPlace: readInPlace(loop) };
}

/** Buffers that are only read where the result is written. */
function readInPlace({ statements, needed, extents, reduced }: DenseLoop): number[] {
  const outer = extents.slice(0, extents.length - reduced);
  const own = String([0, ...stridesOf(outer), ...new Array<number>(reduced).fill(0)]);
  const elsewhere = new Set<number>();
  const all = new Set<number>();
  for (const index of needed) {
    const statement = statements[index]!;
    if (statement.kind !== "load") continue;
    const { buffer, offset, strides } = statement.access;
    all.add(buffer);
    if (String([offset, ...strides]) !== own) elsewhere.add(buffer);
  }
  return [...all].filter((buffer) => !elsewhere.has(buffer));
}

/** bfloat16 is held as a float32 that was rounded. */
function rounded(dtype: DType, value: number): number {
  return dtype === "bfloat16" ? fromBFloat16Bits(toBFloat16Bits(value)) : value;
}

/** Which statements differ from point to point of a reduction. */
function varyingStatements({ statements, extents, reduced }: DenseLoop): boolean[] {
  const outer = extents.length - reduced;
  const varying: boolean[] = [];
  for (const statement of statements) {
    varying.push(
      statement.kind === "load"
        ? statement.access.strides.slice(outer).some((stride) => stride !== 0)
        : statement.kind === "index"
        ? statement.axis >= outer
        : statement.kind === "apply" && statement.args.some((arg) => varying[arg]),
    );
  }
  return varying;
}

/** What is needed once the reductions are there. */
function neededAfter({ statements, stored }: DenseLoop): number[] {
  const cut = statements.map((each) => each.kind === "reduce" ? { ...each, arg: -1 } : each);
  const needed = new Set<number>();
  const need = (index: number): void => {
    const statement = cut[index]!;
    needed.add(index);
    if (statement.kind === "apply") statement.args.forEach(need);
  };
  need(stored);
  return [...needed].sort((a, b) => a - b);
}

interface Body {
  /** Computes what varies, at a point. */
  readonly compute: (coordinates: readonly string[]) => void;
  readonly values: Map<number, Value>;
}

/** Loops over the reduced axes. */
function writeReduction(
  writer: Writer,
  loop: DenseLoop,
  reductions: readonly number[],
  grid: Grid,
  cut: Cut | undefined,
  { compute, values }: Body,
): void {
  const { extents, reduced, statements } = loop;
  const outer = extents.length - reduced;
  const coordinates = [...grid.coordinates.slice(0, outer)];
  const opOf = (index: number): { op: "sum" | "max" | "min"; dtype: DType; arg: number } => {
    const statement = statements[index]!;
    if (statement.kind !== "reduce") throw new Error("gpujs: not a reduction");
    return statement;
  };
  const start = (suffix: string): void => {
    reductions.forEach((index, i) => {
      const { op, dtype } = opOf(index);
      writer.line(`let t${i}${suffix} = ${initialText(writer, op, dtype)};`);
    });
  };
  const add = (to: string, value: (index: number, i: number) => string): void => {
    reductions.forEach((index, i) => {
      const name = `t${i}${to}`;
      writer.line(`${name} = ${combineText(writer, opOf(index).op, name, value(index, i))};`);
    });
  };

  start("");
  reductions.forEach((index, i) => {
    const { dtype } = opOf(index);
    values.set(index, { name: `t${i}`, dtype, isComputed: true });
  });
  // gpu.js knows no empty arrays, not even to leave them alone.
  if (extents.slice(outer).includes(0)) return;
  const opened: (() => void)[] = [];
  const open = (variable: string, count: number): void => {
    writer.openLoop(variable, count);
    opened.push(() => writer.close());
  };
  const guard = (condition: string): void => {
    writer.open(`if (${condition})`);
    opened.push(() => writer.close());
  };
  // How many blocks are open outside of the sum of one block.
  let mark: number | undefined;
  extents.slice(outer).forEach((extent, i) => {
    const axis = outer + i;
    const isCut = cut?.axis === axis;
    const length = isCut ? cut.length : extent;
    const from = isCut ? `${grid.coordinates[outer]} * ${length} + ` : "";
    if (i < reduced - 1 || length <= blockTerms) {
      open(`r${i}`, length);
      coordinates.push(isCut ? `(${from}r${i})` : `r${i}`);
    } else {
      const block = Math.min(blockTerms, Math.ceil(Math.sqrt(length)));
      const blocks = Math.ceil(length / block);
      open(`b${i}`, blocks);
      mark = opened.length;
      start("b");
      open(`r${i}`, block);
      coordinates.push(`(${from}b${i} * ${block} + r${i})`);
      if (block * blocks > length) guard(`b${i} * ${block} + r${i} < ${length}`);
    }
    if (isCut && cut.parts * length > extent) guard(`${coordinates.at(-1)} < ${extent}`);
  });
  compute(coordinates);
  add(mark === undefined ? "" : "b", (index) => values.get(opOf(index).arg)!.name);
  const closeTo = (count: number): void => {
    while (opened.length > count) opened.pop()!();
  };
  if (mark !== undefined) {
    closeTo(mark);
    add("", (_, i) => `t${i}b`);
  }
  closeTo(0);
}

/** The parts of a reduction, combined. */
function combined(
  writer: Writer,
  { statements, extents, reduced }: DenseLoop,
  index: number,
  { partials, cut }: Extract<Stage, { kind: "combine" }>,
  coordinates: readonly string[],
): Value {
  const statement = statements[index]!;
  if (statement.kind !== "reduce") throw new Error("gpujs: not a reduction");
  const outer = extents.slice(0, extents.length - reduced);
  const strides = stridesOf([...outer, cut.parts]);
  const at = indexText(0, strides, [...coordinates, `r${index}`]);
  const name = `t${index}`;
  writer.line(`let ${name} = ${initialText(writer, statement.op, statement.dtype)};`);
  writer.openLoop(`r${index}`, cut.parts);
  const part = writer.load(partials.get(index)!, at);
  writer.line(`${name} = ${combineText(writer, statement.op, name, part)};`);
  writer.close();
  return { name, dtype: statement.dtype, isComputed: true };
}
