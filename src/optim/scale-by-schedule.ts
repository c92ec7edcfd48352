import type { DType } from "../core/dtype.ts";
import { DTypeError, OptionError, ShapeError } from "../core/errors.ts";
import { inNameOf } from "../core/in-name-of.ts";
import { checkFunction } from "../core/options.ts";
import { formatSpec } from "../core/shape.ts";
import { describe } from "../core/value-kinds.ts";
import { add, mul, neg } from "../ops/arithmetic.ts";
import { checkTensor, toTensor } from "../ops/promote.ts";
import { cast } from "../ops/shaping.ts";
import { scalarTensor } from "../tensor/scalar.ts";
import { Tensor } from "../tensor/tensor.ts";
import { placedLike, placeOfAll } from "../tracing/placement.ts";
import { flattenTensors, type Tree } from "../tree/tree.ts";
import { mapUpdates } from "./leaves.ts";
import type { Schedule } from "./schedules/schedule.ts";
import type { GradientTransformation, StateKind } from "./transformation.ts";

/** How many steps have been made: an int32 scalar. */
export interface CountState {
  /** int32 scalar. */
  readonly count: Tensor;
}

/** The kind of transformations that only count. */
export interface CountKind extends StateKind {
  /** The count. */
  readonly state: CountState;
}

/** A learning rate: a number, a scalar tensor (traced inside `jit`), or a schedule. */
export type LearningRate = number | Tensor | Schedule;

/** Zero steps made, on the device of the parameters. */
export function initialCount(functionName: string, params: Tree): Tensor {
  const { leaves } = flattenTensors(functionName, params, "params");
  return scalarTensor(functionName, 0, "int32", placeOfAll(leaves));
}

/** Refuses what is no number of steps: a state that was read back in another shape, say. */
export function checkSteps(functionName: string, count: unknown): asserts count is Tensor {
  checkTensor(functionName, count, "state.count");
  if (count.dtype === "int32" && count.rank === 0) return;
  throw new DTypeError(
    functionName,
    `state.count is ${formatSpec(count)}; expected a scalar int32`,
  );
}

/**
 * Multiplies all updates by the value of a schedule at the number of steps made before this one.
 *
 * @throws {OptionError} if the schedule is no function.
 *
 * @example
 * ```ts
 * import { linearSchedule, scaleBySchedule, tensor } from "softstep";
 *
 * const schedule = linearSchedule({ initValue: 1, endValue: 0, transitionSteps: 2 });
 * const transform = scaleBySchedule(schedule);
 * let state = transform.init(tensor([0]));
 * let updates = tensor([8]);
 * [updates, state] = transform.update(updates, state);
 * console.log(updates.toArray(), state.count.item()); // => [ 8 ] 1
 * [updates, state] = transform.update(updates, state);
 * console.log(updates.toArray(), state.count.item()); // => [ 4 ] 2
 * ```
 */
export function scaleBySchedule(schedule: Schedule): GradientTransformation<CountKind> {
  checkFunction("scaleBySchedule", "schedule", schedule);
  return scaleByFactor("scaleBySchedule", schedule);
}

/**
 * The last link of an optimizer: multiplies all updates by the negative learning rate, so that adding them
 * descends. A number counts its steps too: the state does not change when a schedule takes its place.
 *
 * @throws {OptionError} if the learning rate is neither a finite number nor a scalar tensor nor a function.
 *
 * @example
 * ```ts
 * import { scaleByLearningRate, tensor } from "softstep";
 *
 * const transform = scaleByLearningRate(0.5);
 * const [updates] = transform.update(tensor([1, 2]), transform.init(tensor([0, 0])));
 * console.log(updates.toArray()); // => [ -0.5, -1 ]
 * ```
 */
export function scaleByLearningRate(learningRate: LearningRate): GradientTransformation<CountKind> {
  const name = "scaleByLearningRate";
  if (typeof learningRate === "function") {
    return scaleByFactor(name, (count) => neg(learningRate(count)));
  }
  const isNumber = typeof learningRate === "number" && Number.isFinite(learningRate);
  const isScalar = learningRate instanceof Tensor && learningRate.rank === 0;
  if (!isNumber && !isScalar) {
    const found = learningRate instanceof Tensor
      ? formatSpec(learningRate)
      : describe(learningRate);
    throw new OptionError(
      name,
      `learningRate is ${found}; expected a finite number, a scalar tensor or a schedule`,
    );
  }
  return scaleByFactor(
    name,
    (count) => isScalar ? neg(placedLike(learningRate, count)) : -learningRate,
  );
}

function scaleByFactor(
  name: string,
  factorAt: (count: Tensor) => Tensor | number,
): GradientTransformation<CountKind> {
  return {
    init: (params) => ({ count: initialCount(`${name}.init`, params) }),
    update<P extends Tree>(updates: P, state: CountState): [P, CountState] {
      const ownName = `${name}.update`;
      checkSteps(ownName, state?.count);
      // Computed in the precision of each leaf; once for all leaves of one dtype.
      const factors = new Map<DType, Tensor>();
      const factorFor = (dtype: DType): Tensor => {
        let factor = factors.get(dtype);
        if (factor === undefined) {
          const count = inNameOf(ownName, () => cast(state.count, dtype));
          factor = cast(toTensor(ownName, factorAt(count), dtype), dtype);
          if (factor.rank !== 0) {
            throw new ShapeError(
              ownName,
              `the schedule gave ${formatSpec(factor)}; expected a scalar`,
            );
          }
          factors.set(dtype, factor);
        }
        return factor;
      };
      const scaled = mapUpdates(ownName, (u) => {
        const factor = factorFor(u.dtype);
        return inNameOf(ownName, () => mul(u, factor));
      }, updates);
      return [scaled as P, { count: inNameOf(ownName, () => add(state.count, 1)) }];
    },
  };
}
