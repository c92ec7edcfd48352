// The helpers themselves: each expected error is one that they must raise.
import type { Assignable, Equal, Expect, ExpectNot } from "./expect.ts";

export type Holds = [
  Expect<Equal<{ a: number }, { a: number }>>,
  Expect<Equal<readonly [1, 2], readonly [1, 2]>>,
  Expect<Assignable<1, number>>,
  ExpectNot<Equal<number, string>>,
  ExpectNot<Equal<unknown, never>>,
  // deno-lint-ignore no-explicit-any
  ExpectNot<Equal<{ a: any }, { a: number }>>,
  ExpectNot<Equal<{ readonly a: number }, { a: number }>>,
  ExpectNot<Equal<{ a?: number }, { a: number }>>,
  ExpectNot<Assignable<number, 1>>,
];

export type Fails = [
  // @ts-expect-error the types differ
  Expect<Equal<1, 2>>,
  // @ts-expect-error the types are equal
  ExpectNot<Equal<1, 1>>,
  // @ts-expect-error any hides a difference
  // deno-lint-ignore no-explicit-any
  Expect<Equal<any, 2>>,
];
