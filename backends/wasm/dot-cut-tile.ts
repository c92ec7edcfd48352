import type { Arithmetic } from "./dot-arithmetic.ts";
import { tileRows, tileVectors } from "./dot-tile.ts";
import { callEffect, type FuncRef, type Local, type ModuleBuilder } from "./module.ts";
import { i32 } from "./opcodes.ts";
import type { Value } from "./value.ts";

type I32 = Value<"i32">;
type I = Local<"i32">;

/**
 * A tile of which only some rows and columns belong to the result: computed in scratch memory as a whole, so that
 * the arithmetic of an element is the same everywhere, and copied. The operands of a tile, then
 * `(inRows, scratch, rows, columns)`.
 */
export function addCutTile(
  module: ModuleBuilder,
  { bytes, lanes, loadOne, storeLane }: Arithmetic,
  tiles: Readonly<Record<"rows" | "panel", readonly FuncRef<undefined>[]>>,
): FuncRef<undefined> {
  const width = tileVectors * lanes;
  const params = new Array<"i32">(12).fill("i32");
  return module.func(params, undefined, (f, ...all) => {
    const [depth, a, aStride, b, bStride, out, outRow, accumulate, inRows, scratch, rows, columns] =
      all as unknown as [I, I, I, I, I, I, I, I, I, I, I, I];
    const scratchRow = i32.const(width * bytes);
    for (const [size, limit] of [[rows, tileRows], [columns, width]] as const) {
      f.if(i32.gt_u(size, i32.const(limit)), () => f.set(size, i32.const(limit)));
    }
    const element = (base: I32, stride: I32, i: I, j: I) =>
      i32.add(base, i32.add(i32.mul(i, stride), i32.mul(j, i32.const(bytes))));
    const copy = (from: (i: I, j: I) => I32, to: (i: I, j: I) => I32) => {
      const i = f.local("i32", i32.const(0));
      f.for(i, rows, 1, () => {
        const j = f.local("i32", i32.const(0));
        f.for(j, columns, 1, () => f.do(storeLane(to(i, j), loadOne(from(i, j)), 0)));
      });
    };
    const inScratch = (i: I, j: I) => element(scratch, scratchRow, i, j);
    const inOut = (i: I, j: I) => element(out, outRow, i, j);

    f.if(accumulate, () => copy(inOut, inScratch));
    const operands = [depth, a, aStride, b, bStride, scratch, scratchRow, accumulate];
    const narrow = i32.le_u(columns, i32.const(lanes));
    const run = (functions: readonly FuncRef<undefined>[]) =>
      f.if(
        narrow,
        () => f.do(callEffect(functions[0]!, ...operands)),
        () => f.do(callEffect(functions[1]!, ...operands)),
      );
    f.if(inRows, () => run(tiles.rows), () => run(tiles.panel));
    copy(inScratch, inOut);
  });
}
