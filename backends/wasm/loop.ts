/**
 * Code for one fused loop nest: a function `(buffers..., begin, end)` that runs the points from `begin` to `end` of
 * the outermost axis. Any division of that axis gives the same bits.
 */
import { argumentsOf, type Loop } from "../../src/backend/loop.ts";
import { slow } from "../../src/backend/slow-operations.ts";
import { applyVector } from "./apply.ts";
import { castVector } from "./cast.ts";
import { loadSplat, loadStrided, loadVector, storeLane, storeVector } from "./elements.ts";
import {
  constantOf,
  createEmitter,
  type Emitter,
  type Helpers,
  type Vector,
  type VectorLocal,
} from "./emitter.ts";
import { type Cursor, type LoopPlan, planLoop, type Step, type StoreStep } from "./loop-plan.ts";
import type { Func, FuncRef, Local, ModuleBuilder, Value } from "./module.ts";
import { i32, i32x4, i32x4Lanes, select } from "./opcodes.ts";
import {
  accumulateAcross,
  accumulateAlong,
  type Accumulator,
  blockLength,
  type Copy,
  turnsAlong,
} from "./reduction.ts";
import { bytesPerElement } from "../../src/core/dtype.ts";

/** The code of a loop nest. */
export interface LoopCode {
  readonly func: FuncRef<undefined>;
  /** The buffers whose addresses it takes, in order. */
  readonly buffers: readonly number[];
  /** The extent of the outermost axis. */
  readonly extent: number;
}

/** Which elements of the vector axis code is for; before that axis has begun, `single`. */
type Copies = readonly Copy[];

const single: Copies = ["single"];

/** Emits a loop nest into a module; mathematical functions as calls unless `inlines`, with the same bits. */
export function emitLoop(
  module: ModuleBuilder,
  helpers: Helpers,
  loop: Loop,
  inlines = true,
): LoopCode {
  const plan = planLoop(loop);
  const buffers = [...new Set(plan.cursors.flatMap(({ buffer }) => buffer ?? []))];
  const params = [...buffers, "begin", "end"].map(() => "i32" as const);
  const func = module.func(params, undefined, (f, ...locals) => {
    const e = createEmitter(module, helpers, f, plan.lanes, inlines);
    const end = locals.pop()!;
    const begin = locals.pop()!;
    emitNest(e, plan, new Map(buffers.map((buffer, i) => [buffer, locals[i]!])), begin, end);
  });
  return { func, buffers, extent: plan.axes[0]!.extent };
}

function emitNest(
  e: Emitter,
  plan: LoopPlan,
  addresses: Map<number, Local<"i32">>,
  begin: Local<"i32">,
  end: Local<"i32">,
): void {
  const { f, lanes } = e;
  const { axes, outer, vectorAxis, steps, stores } = plan;
  const along = vectorAxis >= outer;
  /** Where each cursor stands in the loops that code is being emitted into. */
  const at = new Map(plan.cursors.map((cursor) => [cursor, startOf(f, cursor, addresses)]));
  /** The values of statements, of each copy where they vary. */
  const values = steps.map(() => new Map<Copy, VectorLocal>());
  const accumulators = new Map<number, Accumulator>();
  /** The sweep that code is being emitted for. */
  let sweep = 0;

  const valueOf = (index: number, copy: Copy): VectorLocal =>
    values[index]!.get(steps[index]!.varies ? copy : "single")!;

  function compute(index: number, copy: Copy): Vector {
    const { statement, place, varies } = steps[index]!;
    switch (statement.kind) {
      case "literal":
        return constantOf(statement.dtype, statement.value);
      case "load": {
        const { cursor, distance, dtype } = place!;
        const address = at.get(cursor)!;
        if (copy === "single" || !varies) return loadSplat(e, dtype, address, distance);
        const stride = cursor.strides[vectorAxis]!;
        const from = distance + copy * lanes * stride;
        return stride === bytesPerElement(dtype)
          ? loadVector(e, dtype, address, from)
          : loadStrided(e, dtype, address, from, stride);
      }
      case "index": {
        let index: Vector = i32x4.splat(at.get(place!.cursor)!);
        if (copy !== "single" && varies) {
          const stride = place!.cursor.strides[vectorAxis]!;
          const offsets = [0, 1, 2, 3].map((lane) => (copy * lanes + lane) * stride);
          index = i32x4.add(index, e.constant(i32x4Lanes(offsets)));
        }
        return castVector(e, e.keep(index), "int32", statement.dtype);
      }
      case "apply": {
        const args = statement.args.map((arg) => {
          const { statement: from, nonNegative } = steps[arg]!;
          const literal = from.kind === "literal" ? from.value : undefined;
          return { x: valueOf(arg, copy), dtype: from.dtype, literal, nonNegative };
        });
        return applyVector(e, statement.op, statement.params, args);
      }
      case "reduce":
        return accumulators.get(index)!.result(copy);
    }
  }

  /** Computes and stores what belongs at a level. */
  function emitSteps(level: number, after: boolean, copies: Copies): void {
    // Statement by statement, so that the processor finds independent work close by.
    const isDue = (step: Step | StoreStep): boolean =>
      step.level === level && step.after === after && (level < outer || step.sweep === sweep);
    steps.forEach((step, index) => {
      if (!isDue(step)) return;
      for (const copy of step.varies ? copies : copies.slice(0, 1)) {
        const x = compute(index, copy);
        const isConstant = step.statement.kind === "literal";
        values[index]!.set(step.varies ? copy : "single", isConstant ? e.constant(x) : e.keep(x));
      }
    });
    for (const store of stores) {
      if (!isDue(store)) continue;
      for (const copy of store.varies ? copies : copies.slice(0, 1)) emitStore(store, copy);
    }
  }

  function emitStore(store: StoreStep, copy: Copy): void {
    const { cursor, distance, dtype } = store.place;
    const address = at.get(cursor)!;
    const x = valueOf(store.statement, copy);
    const stride = cursor.strides[vectorAxis]!;
    if (copy === "single" || stride === 0) {
      f.do(storeLane(e, dtype, address, x, 0, distance));
    } else if (stride === bytesPerElement(dtype)) {
      f.do(storeVector(e, dtype, address, x, distance + copy * lanes * stride));
    } else {
      for (let lane = 0; lane < lanes; lane++) {
        const to = distance + (copy * lanes + lane) * stride;
        f.do(storeLane(e, dtype, address, x, lane, to));
      }
    }
  }

  function startReductions(copies: Copies): void {
    accumulators.clear();
    steps.forEach((step, index) => {
      if (step.statement.kind !== "reduce" || step.sweep !== sweep) return;
      const { op, dtype } = step.statement;
      accumulators.set(
        index,
        along
          ? accumulateAlong(e, op, dtype, axes[vectorAxis]!.extent)
          : accumulateAcross(e, op, dtype, copies),
      );
    });
  }

  function accumulate(copies: Copies): void {
    for (const copy of copies) {
      for (const [index, accumulator] of accumulators) {
        const [arg] = argumentsOf(steps[index]!.statement);
        accumulator.add(valueOf(arg!, copy), copy, copies.length);
      }
    }
  }

  function emitLevel(level: number, copies: Copies): void {
    if (level !== outer) return emitInside(level, copies);
    for (sweep = 0; sweep < plan.sweeps; sweep++) {
      startReductions(copies);
      emitInside(level, copies);
      emitSteps(level, true, along ? single : copies);
    }
  }

  function emitInside(level: number, copies: Copies): void {
    emitSteps(level, false, copies);
    if (level === axes.length) accumulate(copies);
    else if (level === vectorAxis) emitVectorLoop(level);
    else emitScalarLoop(level, copies);
  }

  /** Runs `body` with the cursors that move along an axis in locals of their own, at `from`. */
  function alongAxis(
    axis: number,
    from: Value<"i32">,
    body: (advance: (steps: number) => void) => void,
  ): void {
    const isUsed = (step: Step | StoreStep): boolean => axis < outer || step.sweep === sweep;
    const used = new Set([...steps, ...stores].map((step) => isUsed(step) && step.place?.cursor));
    const moving = plan.cursors.filter((each) => each.strides[axis] !== 0 && used.has(each));
    const before = moving.map((cursor) => at.get(cursor)!);
    moving.forEach((cursor, k) => {
      const stride = i32.const(cursor.strides[axis]!);
      const begun = axis === 0 ? i32.add(before[k]!, i32.mul(from, stride)) : before[k]!;
      at.set(cursor, f.local("i32", begun));
    });
    body((steps) => {
      for (const cursor of moving) {
        const here = at.get(cursor)!;
        f.set(here, i32.add(here, i32.const(steps * cursor.strides[axis]!)));
      }
    });
    moving.forEach((cursor, k) => at.set(cursor, before[k]!));
  }

  const rangeOf = (axis: number): [Value<"i32">, Value<"i32">] =>
    axis === 0 ? [begin, end] : [i32.const(0), i32.const(axes[axis]!.extent)];

  function emitScalarLoop(axis: number, copies: Copies): void {
    const [from, to] = rangeOf(axis);
    const i = f.local("i32", from);
    alongAxis(axis, from, (advance) => {
      f.while(() => i32.lt_s(i, to), () => {
        emitLevel(axis + 1, copies);
        advance(1);
        f.set(i, i32.add(i, i32.const(1)));
      });
    });
  }

  function emitVectorLoop(axis: number): void {
    const [from, to] = rangeOf(axis);
    const i = f.local("i32", from);
    alongAxis(axis, from, (advance) => {
      const known = axis === 0 ? Infinity : axes[axis]!.extent;
      const run = (limit: Value<"i32">, copies: Copies): void => {
        const count = copies === single ? 1 : copies.length * lanes;
        if (count > known) return;
        const last = f.local("i32", i32.sub(limit, i32.const(count)));
        f.while(() => i32.le_s(i, last), () => {
          emitLevel(axis + 1, copies);
          advance(count);
          f.set(i, i32.add(i, i32.const(count)));
        });
      };
      const turns = turnsOf(plan, sweep);
      const runAll = (limit: Value<"i32">): void => {
        for (const count of turns) run(limit, Array.from({ length: count }, (_, copy) => copy));
        if (known % lanes !== 0) run(limit, single);
        if (along) accumulators.forEach((accumulator) => accumulator.endBlock());
      };
      if (accumulators.size === 0 || !along || known <= blockLength) return runAll(to);
      f.while(() => i32.lt_s(i, to), () => {
        const rest = f.local("i32", i32.sub(to, i));
        const length = i32.const(blockLength);
        const limit = i32.add(i, select(i32.lt_s(rest, length), rest, length));
        runAll(f.local("i32", limit));
      });
    });
  }

  emitLevel(0, single);
}

function startOf(
  f: Func,
  { buffer, start }: Cursor,
  addresses: Map<number, Local<"i32">>,
): Local<"i32"> {
  const offset = i32.const(start);
  if (buffer === undefined) return f.local("i32", offset);
  const address = addresses.get(buffer)!;
  return start === 0 ? address : f.local("i32", i32.add(address, offset));
}

/**
 * How many vectors the turns of the innermost loop take, largest first, so that the processor finds independent work:
 * more where there is little to do, or mathematical functions, which are long chains of instructions that wait for each
 * other. Far larger bodies only take longer to compile. Reductions along the vectors choose for themselves.
 */
function turnsOf(
  { steps, vectorAxis, outer, axes, lanes }: LoopPlan,
  sweep: number,
): readonly number[] {
  const { extent } = axes[vectorAxis]!;
  const own = steps.filter((step) => vectorAxis < outer || step.sweep === sweep);
  const reduced = own.flatMap(({ statement }) => statement.kind === "reduce" ? [statement] : []);
  if (vectorAxis >= outer && reduced.length > 0) {
    const sums = reduced.filter(({ op }) => op === "sum").map(({ dtype }) => dtype);
    return turnsAlong(lanes, extent, new Set(sums));
  }
  const weight = own.reduce((sum, { statement }: Step) => sum + weightOf(statement), 0);
  const waits = weight <= 120 && own.some(({ statement }) => isSlow(statement));
  const wanted = waits || weight <= 12 ? 4 : weight <= 400 ? 2 : 1;
  return wanted === 1 || extent < wanted * lanes ? [1] : [wanted, 1];
}

function weightOf(statement: Step["statement"]): number {
  if (statement.kind === "literal") return 0;
  return isSlow(statement) ? 20 : 1;
}

function isSlow(statement: Step["statement"]): boolean {
  return statement.kind === "apply" && slow.has(statement.op);
}
