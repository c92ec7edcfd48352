/** Whether two types are identical, `any` and readonly included. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2)
  ? true
  : false;

/** Whether a value of type A may stand where B is wanted. */
export type Assignable<A, B> = [A] extends [B] ? true : false;

/** Fails the type check unless its argument is `true`. */
export type Expect<T extends true> = T;

/** Fails the type check unless its argument is `false`. */
export type ExpectNot<T extends false> = T;

/** Whether a type is `any`. */
export type IsAny<T> = 0 extends 1 & T ? true : false;
