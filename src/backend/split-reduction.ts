import { type Access, argumentsOf, buffersOf, lateOf, type Loop, type Statement } from "./loop.ts";
import type { DType } from "../core/dtype.ts";
import { sizeOf, stridesOf } from "../core/shape.ts";

/** A reduction in two stages. */
export interface SplitReduction {
  /** Parts of the reduction, which do not depend on each other, and then what combines them. */
  readonly loops: readonly Loop[];
  /** Bytes of the buffers between the stages; the first is `firstBuffer`. */
  readonly buffers: readonly number[];
}

/** What is worth being cut, and into what. */
export interface SplitOptions {
  /** Points in a part: enough to be worth a worker's while. Reductions of fewer than four parts stay whole. */
  readonly partPoints: number;
  /** Reductions with more results are divided by results instead. */
  readonly mostResults: number;
  /** Bytes of an element on the device. */
  readonly bytesPerElement: (dtype: DType) => number;
  /** The most buffers that a loop may read and write; a reduction whose parts would need more stays whole. */
  readonly buffersPerLoop?: number;
}

/** Whether a reduction of so many points to each of so many results is worth being cut. */
export function isWorthSplitting(
  results: number,
  points: number,
  { partPoints, mostResults }: Pick<SplitOptions, "partPoints" | "mostResults">,
): boolean {
  return results <= mostResults && points >= 4 * partPoints;
}

/**
 * Cuts a large reduction to few results into parts that do not depend on each other. Whether and where depends on the
 * shapes alone, so that the order of summation does not depend on who computes the parts.
 */
export function splitReduction(
  whole: Loop,
  firstBuffer: number,
  options: SplitOptions,
): SplitReduction | undefined {
  const { partPoints, bytesPerElement, buffersPerLoop = Infinity } = options;
  const { extents, reduced } = whole;
  if (whole.sweeps !== undefined) return undefined;
  const outer = extents.length - reduced;
  const results = extents.slice(0, outer);
  const inner = sizeOf(extents.slice(outer));
  if (!isWorthSplitting(sizeOf(results), inner, options)) return undefined;
  const axis = extents.indexOf(Math.max(...extents.slice(outer)), outer);
  const { loop, starts } = withStarts(whole, axis);
  const { statements } = loop;

  const each = Math.max(1, Math.floor(partPoints * extents[axis]! / inner));
  const full = Math.floor(extents[axis]! / each);
  const rest = extents[axis]! - full * each;
  const parts = full + (rest > 0 ? 1 : 0);
  const reductions = statements.flatMap((statement, index) =>
    statement.kind === "reduce" ? [{ index, dtype: statement.dtype }] : []
  );
  const partials = reductions.map(({ dtype }, i): Access => ({
    buffer: firstBuffer + i,
    dtype,
    offset: 0,
    strides: stridesOf([...results, parts]),
  }));
  const late = lateOf(loop);
  if (rereadsWhatPartsWrite(loop, late)) return undefined;

  /** `count` parts of `length` from position `from` of the axis on, the results from part `first` on. */
  const partsOf = (count: number, length: number, from: number, first: number): Loop => {
    const cut = (access: Access): Access => {
      const stride = access.strides[axis]!;
      const strides = [...access.strides];
      strides.splice(outer, 0, stride * length);
      return { ...access, offset: access.offset + stride * from, strides };
    };
    const kept = statements.map((_, index) => index)
      .filter((index) => !late[index] || statements[index]!.kind === "reduce");
    const shape = extents.map((extent, at) => at === axis ? length : extent);
    return {
      extents: [...results, count, ...shape.slice(outer)],
      reduced,
      statements: renumber(statements, kept, (statement) => {
        if (statement.kind === "load") return { ...statement, access: cut(statement.access) };
        if (statement.kind !== "index" || statement.axis < outer) return statement;
        const { stride, offset } = statement;
        return starts.has(statement)
          ? { ...statement, axis: outer, stride: stride * length, offset: offset + stride * from }
          : { ...statement, axis: statement.axis + 1 };
      }),
      stores: [
        ...loop.stores.filter(({ statement }) => !late[statement])
          .map(({ statement, access }) => ({
            statement: kept.indexOf(statement),
            access: cut(access),
          })),
        ...reductions.map(({ index }, i) => ({
          statement: kept.indexOf(index),
          access: {
            ...partials[i]!,
            offset: first,
            strides: [...partials[i]!.strides, ...new Array<number>(reduced).fill(0)],
          },
        })),
      ],
    };
  };
  const loops = [
    partsOf(full, each, 0, 0),
    ...(rest > 0 ? [partsOf(1, rest, full * each, full)] : []),
    combine(loop, late, partials, parts),
  ];
  if (loops.some((each) => buffersOf(each).length > buffersPerLoop)) return undefined;
  return {
    loops,
    buffers: reductions.map(({ dtype }) => sizeOf(results) * parts * bytesPerElement(dtype)),
  };
}

/** The loop with each index along an axis as a sum, one part of which (`starts`) is to become the start of a part. */
function withStarts(loop: Loop, axis: number): { loop: Loop; starts: ReadonlySet<Statement> } {
  const starts = new Set<Statement>();
  if (!loop.statements.some((each) => each.kind === "index" && each.axis === axis)) {
    return { loop, starts };
  }
  const statements: Statement[] = [];
  const numbers: number[] = [];
  for (const statement of loop.statements) {
    if (statement.kind === "index" && statement.axis === axis) {
      const { dtype } = statement;
      const at = statements.push({ ...statement, offset: 0 }, statement);
      starts.add(statement);
      statements.push({ kind: "apply", op: "add", params: {}, args: [at - 2, at - 1], dtype });
    } else if (statement.kind === "apply") {
      statements.push({ ...statement, args: statement.args.map((arg) => numbers[arg]!) });
    } else if (statement.kind === "reduce") {
      statements.push({ ...statement, arg: numbers[statement.arg]! });
    } else {
      statements.push(statement);
    }
    numbers.push(statements.length - 1);
  }
  const stores = loop.stores.map((store) => ({ ...store, statement: numbers[store.statement]! }));
  return { loop: { ...loop, statements, stores }, starts };
}

/** Reduces the parts, and computes and stores what needs the whole. */
function combine(
  { extents, reduced, statements, stores }: Loop,
  late: readonly boolean[],
  partials: readonly Access[],
  parts: number,
): Loop {
  const outer = extents.length - reduced;
  const results = stores.filter(({ statement }) => late[statement]);
  const needed = neededBy(statements, results.map(({ statement }) => statement));
  const outerOnly = (access: Access): Access => ({
    ...access,
    strides: [...access.strides.slice(0, outer), 0],
  });
  const loads = partials.map((access): Statement => ({
    kind: "load",
    access,
    dtype: access.dtype,
  }));
  let next = 0;
  const kept = renumber(statements, needed, (statement): Statement => {
    if (statement.kind === "load") return { ...statement, access: outerOnly(statement.access) };
    return statement;
  });
  const shifted = kept.map((statement): Statement => {
    if (statement.kind === "reduce") return { ...statement, arg: next++ };
    if (statement.kind !== "apply") return statement;
    return { ...statement, args: statement.args.map((arg) => arg + loads.length) };
  });
  return {
    extents: [...extents.slice(0, outer), parts],
    reduced: 1,
    statements: [...loads, ...shifted],
    stores: results.map(({ statement, access }) => ({
      statement: loads.length + needed.indexOf(statement),
      access: outerOnly(access),
    })),
  };
}

/** Whether the second stage would load, for another time, what the first has overwritten. */
function rereadsWhatPartsWrite({ statements, stores }: Loop, late: readonly boolean[]): boolean {
  const results = stores.filter(({ statement }) => late[statement]).map((store) => store.statement);
  const written = stores.filter(({ statement }) => !late[statement])
    .map(({ access }) => access.buffer);
  return neededBy(statements, results).some((index) => {
    const statement = statements[index]!;
    return statement.kind === "load" && written.includes(statement.access.buffer);
  });
}

/** All reductions, and whatever the given statements need beyond them; in order. */
function neededBy(
  statements: readonly Statement[],
  wanted: readonly number[],
): number[] {
  const needed = new Set<number>();
  const need = (index: number): void => {
    if (needed.has(index)) return;
    needed.add(index);
    if (statements[index]!.kind !== "reduce") argumentsOf(statements[index]!).forEach(need);
  };
  wanted.forEach(need);
  statements.forEach(({ kind }, index) => {
    if (kind === "reduce") needed.add(index);
  });
  return [...needed].sort((a, b) => a - b);
}

/** Some of the statements, changed, with their arguments renumbered; those of reductions as well where they are kept. */
function renumber(
  statements: readonly Statement[],
  kept: readonly number[],
  change: (statement: Statement) => Statement,
): Statement[] {
  const position = new Map(kept.map((index, at) => [index, at]));
  return kept.map((index) => {
    const statement = change(statements[index]!);
    if (statement.kind === "apply") {
      return { ...statement, args: statement.args.map((arg) => position.get(arg)!) };
    }
    if (statement.kind === "reduce") {
      return { ...statement, arg: position.get(statement.arg) ?? 0 };
    }
    return statement;
  });
}
