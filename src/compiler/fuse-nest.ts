import { type Access, hasColumns, type Loop, type Statement } from "../backend/loop.ts";
import type { TensorSpec } from "../core/shape.ts";
import type { DomainStatement, LoweredLoop } from "./fuse-lower.ts";
import { runsOf } from "./fuse-order.ts";

/** An axis of the nest, and how far each accessed position moves along it. */
interface NestAxis {
  extent: number;
  readonly reduced: boolean;
  /** Which run of neighbours that are alike it belongs to. */
  readonly run: number;
  factors: number[];
}

/**
 * The loop nest of a lowered loop: reduced axes innermost, neighbouring axes merged wherever nothing tells them
 * apart; of the reduced ones those, and only those, that were neighbours before. Buffers are ids of values.
 */
export function toLoop(
  { domain, statements, sweeps, stores }: LoweredLoop,
  specOf: (id: number) => TensorSpec,
): Loop {
  const positions = [
    ...statements.flatMap((statement) => "at" in statement ? [statement.at] : []),
    ...stores.map(({ at }) => at),
  ];
  const hasReductions = statements.some(({ kind }) => kind === "reduce");
  const runs = runsOf(domain);
  const axes = mergeAxes(
    domain.map(({ extent, reduced }, axis) => ({
      extent,
      reduced,
      run: runs[axis]!,
      factors: positions.map(({ factors }) => factors[axis]!),
    })).sort((a, b) => Number(a.reduced) - Number(b.reduced)),
  );
  if (hasReductions && !axes.some(({ reduced }) => reduced)) {
    axes.push({ extent: 1, reduced: true, run: -1, factors: positions.map(() => 0) });
  }

  let next = 0;
  const stridesOfNext = (): number[] => {
    const which = next++;
    return axes.map(({ factors }) => factors[which]!);
  };
  const { list, numbers, starts } = finishStatements(statements, stridesOfNext);
  return {
    extents: axes.map(({ extent }) => extent),
    reduced: axes.filter(({ reduced }) => reduced).length,
    ...(hasReductions && hasColumns(domain) ? { columns: true } : {}),
    statements: list,
    ...(sweeps.length > 0 ? { sweeps: sweeps.map((first) => starts[first]!) } : {}),
    stores: stores.map(({ id, statement, at }) => ({
      statement: numbers[statement]!,
      access: {
        buffer: id,
        dtype: specOf(id).dtype,
        offset: at.offset,
        strides: stridesOfNext(),
      },
    })),
  };
}

/** Merges neighbours that all positions walk in one stride. */
function mergeAxes(axes: readonly NestAxis[]): NestAxis[] {
  const merged: NestAxis[] = [];
  for (const axis of axes) {
    const last = merged.at(-1);
    const merges = last?.reduced === axis.reduced && (!axis.reduced || last.run === axis.run) &&
      last.factors.every((factor, i) => factor === axis.factors[i]! * axis.extent);
    if (merges) {
      last.extent *= axis.extent;
      last.factors = axis.factors;
    } else {
      merged.push({ ...axis });
    }
  }
  return merged;
}

/**
 * The statements over the axes of the nest; an iota becomes the sum of what each axis adds to it. `numbers` are the
 * places of their results, `starts` those of their first statements.
 */
function finishStatements(
  statements: readonly DomainStatement[],
  stridesOfNext: () => number[],
): { list: Statement[]; numbers: number[]; starts: number[] } {
  const list: Statement[] = [];
  const emit = (statement: Statement): number => list.push(statement) - 1;
  const numbers: number[] = [];
  const starts: number[] = [];
  for (const statement of statements) {
    starts.push(list.length);
    numbers.push(emitOne(statement));
  }

  function emitOne(statement: DomainStatement): number {
    switch (statement.kind) {
      case "literal":
        return emit(statement);
      case "apply":
        return emit({ ...statement, args: statement.args.map((arg) => numbers[arg]!) });
      case "reduce":
        return emit({ ...statement, arg: numbers[statement.arg]! });
      case "load": {
        const { id, at: { offset }, dtype } = statement;
        const access: Access = { buffer: id, dtype, offset, strides: stridesOfNext() };
        return emit({ kind: "load", access, dtype });
      }
      case "iota": {
        const { dtype } = statement;
        const total = emitIota(statement.at.offset, stridesOfNext());
        return dtype === "int32"
          ? total
          : emit({ kind: "apply", op: "cast", params: { dtype }, args: [total], dtype });
      }
    }
  }

  /** In int32, whatever the dtype of the iota: so it is exact until the one cast at the end. */
  function emitIota(offset: number, strides: readonly number[]): number {
    const dtype = "int32";
    let total: number | undefined;
    strides.forEach((stride, axis) => {
      if (stride === 0) return;
      const start = total === undefined ? offset : 0;
      const part = emit({ kind: "index", axis, stride, offset: start, dtype });
      total = total === undefined
        ? part
        : emit({ kind: "apply", op: "add", params: {}, args: [total, part], dtype });
    });
    return total ?? emit({ kind: "literal", value: offset, dtype });
  }

  return { list, numbers, starts };
}
