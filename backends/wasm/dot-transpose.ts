import type { Func, Local } from "./module.ts";
import { shuffle32 } from "./opcodes.ts";
import type { Value } from "./value.ts";

type V128 = Value<"v128">;

const lows = [0, 1, 4, 5];
const highs = [2, 3, 6, 7];

/** A square block of vectors, rows and columns exchanged: 4 vectors of 4 lanes or 2 of 2. */
export function transposeBlock(f: Func, rows: readonly Local<"v128">[]): V128[] {
  const [r0, r1, r2, r3] = rows;
  if (r2 === undefined || r3 === undefined) {
    return [shuffle32(r0!, r1!, lows), shuffle32(r0!, r1!, highs)];
  }
  const zip = (a: V128, b: V128, lanes: readonly number[]) =>
    f.local("v128", shuffle32(a, b, lanes));
  const low = [zip(r0!, r1!, [0, 4, 1, 5]), zip(r2, r3, [0, 4, 1, 5])] as const;
  const high = [zip(r0!, r1!, [2, 6, 3, 7]), zip(r2, r3, [2, 6, 3, 7])] as const;
  return [low, high].flatMap(([a, b]) => [shuffle32(a, b, lows), shuffle32(a, b, highs)]);
}
