import type { Arithmetic } from "./dot-arithmetic.ts";
import type { FuncRef, Local, ModuleBuilder } from "./module.ts";
import { i32 } from "./opcodes.ts";

type Pointer = Local<"i32">;

/**
 * Copies a matrix with any strides to contiguous rows: `(to, from, rowStride, columnStride, rows, columns)`, strides in
 * bytes.
 */
export function addGather(
  module: ModuleBuilder,
  { bytes, loadOne, storeLane }: Arithmetic,
): FuncRef<undefined> {
  const params = new Array<"i32">(6).fill("i32");
  return module.func(params, undefined, (f, ...all) => {
    const [to, from, rowStride, columnStride, rows, columns] = all as unknown as [
      Pointer,
      Pointer,
      Pointer,
      Pointer,
      Pointer,
      Pointer,
    ];
    const at = f.local("i32");
    const left = f.local("i32");
    f.while(() => rows, () => {
      f.set(at, from);
      f.set(left, columns);
      f.while(() => left, () => {
        f.do(storeLane(to, loadOne(at), 0));
        f.set(to, i32.add(to, i32.const(bytes)));
        f.set(at, i32.add(at, columnStride));
        f.set(left, i32.sub(left, i32.const(1)));
      });
      f.set(from, i32.add(from, rowStride));
      f.set(rows, i32.sub(rows, i32.const(1)));
    });
  });
}
