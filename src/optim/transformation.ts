import type { Tree } from "../tree/tree.ts";

/**
 * The type of a transformation's state as a function of the type of the parameters: an interface extends this
 * and computes `state` from `this["params"]`. (TypeScript has no type constructors as parameters.)
 */
export interface StateKind {
  /** The type of the parameters: filled in by `StateOf`. */
  readonly params: unknown;
  /** The type of the state, computed from `this["params"]`. */
  readonly state: unknown;
}

/** The state of a kind for parameters of type P. */
export type StateOf<Kind extends StateKind, P> = (Kind & { readonly params: P })["state"];

/** Further values that a caller hands to `update`, for transformations that know them by name. */
export type ExtraArgs = Readonly<Record<string, unknown>>;

/**
 * A pure pair of functions, as in optax: `init` makes a state for parameters, `update` maps gradients (or the
 * updates of the transformation before) and the state to updates and the next state. States are trees of
 * tensors, so that everything can be traced, jitted, mapped and saved.
 */
export interface GradientTransformation<Kind extends StateKind = StateKind> {
  /**
   * The state before the first step.
   *
   * @throws {TreeError} if a leaf of the parameters is no tensor.
   * @throws {DTypeError} if a leaf that needs a state is not floating.
   */
  init<P extends Tree>(params: P): StateOf<Kind, P>;
  /**
   * One step: updates with the structure, shapes and dtypes of the gradients, and the next state.
   *
   * @throws {TreeError} if updates, state and params have different structures.
   * @throws {ShapeError} if two leaves that belong together have different shapes.
   */
  update<P extends Tree>(
    updates: P,
    state: StateOf<Kind, P>,
    params?: P,
    extra?: ExtraArgs,
  ): [P, StateOf<Kind, P>];
}

/** No state. */
export type EmptyState = Readonly<Record<never, never>>;

/** The kind of transformations without state. */
export interface EmptyKind extends StateKind {
  /** Nothing. */
  readonly state: EmptyState;
}
