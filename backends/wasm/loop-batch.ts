/** One call for a loop over many tensors. */
import { callEffect, type FuncRef, type ModuleBuilder } from "./module.ts";
import { i32, select } from "./opcodes.ts";

/**
 * The table that a batch reads: for each tensor its first unit and its addresses, then the number of units in all.
 * A unit is a point of the outermost axis; the units of all tensors are counted through.
 */
export function batchTableLength(rows: number, buffers: number): number {
  return rows * (1 + buffers) + 1;
}

/**
 * Emits `(table, rows, begin, end)` for a loop `(addresses of buffers..., begin, end)`: the units from `begin` to `end`
 * of all rows.
 */
export function emitBatch(
  module: ModuleBuilder,
  loop: FuncRef<undefined>,
  buffers: number,
): FuncRef<undefined> {
  const rowBytes = 4 * (1 + buffers);
  const rowSize = i32.const(rowBytes);
  const params = ["i32", "i32", "i32", "i32"] as const;
  return module.func(params, undefined, (f, table, rows, begin, end) => {
    // The last row that starts at `begin` or before it.
    const low = f.local("i32", i32.const(0));
    const high = f.local("i32", i32.sub(rows, i32.const(1)));
    f.while(() => i32.lt_s(low, high), () => {
      const middle = f.local(
        "i32",
        i32.shr_s(i32.add(i32.add(low, high), i32.const(1)), i32.const(1)),
      );
      const isThere = f.local(
        "i32",
        i32.le_s(i32.load(i32.add(table, i32.mul(middle, rowSize))), begin),
      );
      f.set(low, select(isThere, middle, low));
      f.set(high, select(isThere, high, i32.sub(middle, i32.const(1))));
    });
    const row = f.local("i32", i32.add(table, i32.mul(low, rowSize)));
    f.while(() => i32.lt_s(begin, end), () => {
      const first = f.local("i32", i32.load(row));
      const next = f.local("i32", i32.load(row, rowBytes));
      const to = f.local("i32", select(i32.lt_s(next, end), next, end));
      const addresses = Array.from({ length: buffers }, (_, i) => i32.load(row, 4 * (1 + i)));
      f.do(callEffect(loop, ...addresses, i32.sub(begin, first), i32.sub(to, first)));
      f.set(begin, to);
      f.set(row, i32.add(row, rowSize));
    });
  });
}
