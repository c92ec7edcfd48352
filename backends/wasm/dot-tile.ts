import type { Arithmetic } from "./dot-arithmetic.ts";
import type { FuncRef, Local, ModuleBuilder } from "./module.ts";
import { i32, v128 } from "./opcodes.ts";

/** Rows of a tile of the result. With two vectors of columns, 8 sums and their operands fit in 16 registers. */
export const tileRows = 4;
/** Vectors in a row of a tile. */
export const tileVectors = 2;

/** Turns of the sum that are written out, so that counting costs little. */
const unroll = 4;

/**
 * The innermost part: a tile of the result, summed over `depth` steps in ascending order.
 * `(depth, a, aStride, b, bStride, c, cStride, accumulate)`, addresses and strides in bytes. The rows of B's part
 * are contiguous vectors, `bStride` apart. A's part is read in one of two ways:
 *
 * - "panel": the four elements of a step lie side by side, steps are `aStride` apart;
 * - "rows": the elements of a row lie side by side, rows are `aStride` apart.
 *
 * With `accumulate` the sums go on from what the tile holds, otherwise from zero.
 */
export function addTile(
  module: ModuleBuilder,
  { bytes, addProduct, loadSplat }: Arithmetic,
  layout: "panel" | "rows",
  vectors: number,
): FuncRef<undefined> {
  const params = ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"] as const;
  return module.func(
    params,
    undefined,
    (f, depth, a, aStride, b, bStride, c, cStride, accumulate) => {
      const advance = (pointer: Local<"i32">, by: Parameters<typeof i32.add>[1]) =>
        f.set(pointer, i32.add(pointer, by));
      const rows = Array.from({ length: tileRows }, (_, row) => row);
      const columns = Array.from({ length: vectors }, (_, column) => column);
      const sums = rows.map(() => columns.map(() => f.local("v128")));

      const out = f.local("i32", c);
      f.if(accumulate, () => {
        for (const row of sums) {
          row.forEach((sum, j) => f.set(sum, v128.load(out, 16 * j)));
          advance(out, cStride);
        }
      });

      const pointers = [a];
      if (layout === "rows") {
        for (const row of rows.slice(1)) {
          pointers.push(f.local("i32", i32.add(pointers[row - 1]!, aStride)));
        }
      }
      const right = columns.map(() => f.local("v128"));
      const left = f.local("v128");
      const step = (l: number) => {
        right.forEach((vector, j) => f.set(vector, v128.load(b, 16 * j)));
        rows.forEach((row) => {
          const element = layout === "rows"
            ? loadSplat(pointers[row]!, l * bytes)
            : loadSplat(a, row * bytes);
          f.set(left, element);
          sums[row]!.forEach((sum, j) => f.set(sum, addProduct(sum, left, right[j]!)));
        });
        advance(b, bStride);
        if (layout === "panel") advance(a, aStride);
      };
      const steps = (count: number) => {
        f.while(() => i32.ge_u(depth, i32.const(count)), () => {
          for (let l = 0; l < count; l++) step(l);
          if (layout === "rows") {
            for (const each of pointers) advance(each, i32.const(count * bytes));
          }
          f.set(depth, i32.sub(depth, i32.const(count)));
        });
      };
      steps(unroll);
      steps(1);

      f.set(out, c);
      for (const row of sums) {
        row.forEach((sum, j) => f.do(v128.store(out, sum, 16 * j)));
        advance(out, cStride);
      }
    },
  );
}
