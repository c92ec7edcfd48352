import fc from "fast-check";
import type { Access, Loop, Statement } from "../../src/backend/loop.ts";
import type { DType } from "../../src/core/dtype.ts";
import { sizeOf, stridesOf } from "../../src/core/shape.ts";
import type { ElementwiseName } from "../../src/graph/instruction-set.ts";
import { exactBinary, exactElements, type LoopCase } from "./exact-loops.ts";
import type { Elements } from "./run-kernel.ts";
import { anyWay, type Way } from "./ways.ts";

const dtypes = Object.keys(exactBinary) as DType[];

/** What happens in one sweep; numbers choose among what there is. */
interface SweepDraw {
  readonly loads: readonly (readonly [DType, Way])[];
  /** What an earlier sweep has loaded or stored already. */
  readonly again: readonly number[];
  readonly row: number;
  readonly steps: readonly (readonly [op: number, left: number, right: number])[];
  readonly index: boolean;
  /** Where the last value is stored at every point, if it is. */
  readonly store: "nowhere" | "own" | "over what was loaded";
  readonly out: Way;
  readonly reduction: number;
  readonly storesRow: boolean;
}

/** Rows that slices share, and rows that one invocation has; few of them, and many. */
const rowsAndPoints = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 40 }), fc.constantFrom(1, 2, 3, 5, 32)),
  fc.tuple(fc.constantFrom(1, 2, 5, 17, 40), fc.constantFrom(33, 36, 64, 100, 257, 515)),
  fc.tuple(fc.constantFrom(1, 3), fc.constantFrom(2049, 4096)),
);
const shapes: fc.Arbitrary<{ extents: number[]; reduced: number }> = fc.oneof(
  rowsAndPoints.map((extents) => ({ extents, reduced: 1 })),
  fc.tuple(fc.constantFrom(1, 3, 4, 8), rowsAndPoints).map(([first, [rows, points]]) => ({
    extents: [first, rows, points],
    reduced: 1,
  })),
  fc.tuple(fc.constantFrom(1, 3, 7, 16), rowsAndPoints).map(([last, [rows, points]]) => ({
    extents: [rows, points, last],
    reduced: 2,
  })),
).filter(({ extents }) => sizeOf(extents) <= 20000);

function sweepDraw(extents: readonly number[]): fc.Arbitrary<SweepDraw> {
  const way = anyWay(extents, { orders: ["plain", "plain", "plain", "any"], starts: [0, 0, 1, 4] });
  return fc.record({
    loads: fc.array(fc.tuple(fc.constantFrom("float32" as const, ...dtypes), way), {
      maxLength: 2,
    }),
    again: fc.array(fc.nat(), { maxLength: 2 }),
    row: fc.nat(),
    steps: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat()), { maxLength: 4 }),
    index: fc.nat(4).map((draw) => draw === 0),
    store: fc.constantFrom<SweepDraw["store"]>("nowhere", "own", "over what was loaded"),
    out: way,
    reduction: fc.nat(),
    storesRow: fc.boolean(),
  });
}

/** What every GPU lets a shader see. */
const mostBuffers = 8;

/** Nests that go over their rows two to four times, of exact instructions on buffers of several dtypes. */
export const exactSweeps: fc.Arbitrary<LoopCase> = shapes.chain(({ extents, reduced }) =>
  fc.record({
    sweeps: fc.array(sweepDraw(extents), { minLength: 2, maxLength: 4 }),
    seed: fc.nat(),
  }).map(({ sweeps, seed }) => build(extents, reduced, sweeps, seed))
    .filter(({ buffers }) => buffers.length <= mostBuffers)
);

function build(
  extents: readonly number[],
  reduced: number,
  draws: readonly SweepDraw[],
  seed: number,
): LoopCase {
  const outer = extents.slice(0, extents.length - reduced);
  const alongRows = [...stridesOf(outer), ...new Array<number>(reduced).fill(0)];
  const buffers: Elements[] = [];
  const statements: Statement[] = [];
  const starts: number[] = [];
  const stores: { statement: number; access: Access }[] = [];
  /** Accesses at every point, and numbers of rows in memory. */
  const seen: Access[] = [];
  const rows: Access[] = [];
  /** What earlier sweeps have reduced. */
  const numbers: number[] = [];

  const use = (dtype: DType, { strides, offset, size }: Way): Access => {
    const buffer = buffers.push(exactElements(dtype, size, seed + buffers.length)) - 1;
    return { buffer, dtype, offset, strides };
  };
  const emit = (statement: Statement): number => statements.push(statement) - 1;
  const apply = (op: ElementwiseName, args: readonly number[], dtype: DType): number =>
    emit({ kind: "apply", op, params: {}, args, dtype });
  const load = (access: Access): number => emit({ kind: "load", access, dtype: access.dtype });
  const isWhole = ({ strides }: { strides: readonly number[] }) =>
    strides.every((stride, axis) => stride !== 0 || extents[axis] === 1);
  /** Small again, so that sums of it are exact. */
  const small = (value: number): number => {
    const { dtype } = statements[value]!;
    if (dtype !== "float32") return value;
    const [low, high] = [-9, 9].map((value) => emit({ kind: "literal", value, dtype }));
    return apply("max", [apply("min", [value, high!], dtype), low!], dtype);
  };
  const combine = (op: number, left: number, right: number, among: readonly number[]): number => {
    const { dtype } = statements[left]!;
    const names = exactBinary[dtype]!;
    const name = names[op % names.length]!;
    const others = among.filter((each) => statements[each]!.dtype === dtype);
    const result = name === "less" || name === "equal" ? "bool" : dtype;
    return apply(name, [left, others[right % others.length] ?? left], result);
  };

  draws.forEach((draw, sweep) => {
    if (sweep > 0) starts.push(statements.length);
    const loaded = draw.loads.map(([dtype, way]) => use(dtype, way));
    const chosen = seen.length === 0 ? [] : draw.again.map((which) => seen[which % seen.length]!);
    const again = [...new Set(chosen)];
    if (loaded.length + again.length === 0) {
      const plain = { strides: stridesOf(extents), offset: 0, size: sizeOf(extents) };
      loaded.push(use("float32", plain));
    }
    seen.push(...loaded);
    const points = [...loaded, ...again].map(load);
    if (draw.row % 3 === 0) {
      const known = rows[draw.row % (rows.length + 1)];
      const row = known ?? use("float32", { strides: alongRows, offset: 0, size: sizeOf(outer) });
      if (known === undefined) rows.push(row);
      points.push(load(row));
    }
    if (draw.index) {
      const axis = extents.length - 1;
      points.push(emit({ kind: "index", axis, stride: -2, offset: 7, dtype: "int32" }));
    }
    for (const [op, left, right] of draw.steps) {
      points.push(combine(op, points[left % points.length]!, right, [...points, ...numbers]));
    }
    // With what was reduced before, wherever there is something.
    const last = combine(draw.reduction, points.at(-1)!, draw.row, [...numbers, ...points]);
    const { dtype } = statements[last]!;

    const isLast = sweep === draws.length - 1;
    const over = seen.find((access) => access.dtype === dtype && isWhole(access));
    const isOver = draw.store === "over what was loaded" && over !== undefined;
    if (isOver || draw.store === "own" && isWhole(draw.out) || (isLast && stores.length === 0)) {
      const plain = { strides: stridesOf(extents), offset: 0, size: sizeOf(extents) };
      const access = isOver ? over : use(dtype, isWhole(draw.out) ? draw.out : plain);
      if (!isOver) seen.push(access);
      stores.push({ statement: small(last), access });
    }
    if (isLast && draw.reduction % 2 === 0) return;
    const op = dtype === "bool"
      ? (["max", "min"] as const)[draw.reduction % 2]!
      : (["sum", "max", "min"] as const)[draw.reduction % 3]!;
    const late = [emit({ kind: "reduce", op, arg: last, dtype })];
    if (draw.reduction % 5 === 0) late.push(emit({ kind: "reduce", op: "max", arg: last, dtype }));
    const number = small(combine(draw.reduction, late[0]!, draw.row, [...late, ...numbers]));
    if (draw.storesRow) {
      const type = statements[number]!.dtype;
      const known = rows.find((access) => access.dtype === type);
      const to = draw.row % 2 === 0 ? known : undefined;
      const access = to ?? use(type, { strides: alongRows, offset: 0, size: sizeOf(outer) });
      if (to === undefined) rows.push(access);
      stores.push({ statement: number, access });
    }
    numbers.push(number, ...late.filter((each) => statements[each]!.dtype !== "float32"));
  });
  const loop: Loop = { extents, reduced, statements, sweeps: starts, stores };
  return { loop, buffers };
}
