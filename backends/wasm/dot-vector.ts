import type { Arithmetic } from "./dot-arithmetic.ts";
import { transposeBlock } from "./dot-transpose.ts";
import type { FuncRef, Local, ModuleBuilder } from "./module.ts";
import { i32, select, v128 } from "./opcodes.ts";
import type { Value } from "./value.ts";

type I32 = Value<"i32">;
type Pointer = Local<"i32">;

/** Rows of the matrix that one pass over the result adds up. */
const passRows = 4;
/** Bytes of the result that stay in the first cache during all passes. */
const stripBytes = 8192;

const params = /* @__PURE__ */ new Array<"i32">(7).fill("i32");
type Params = [Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer];

/**
 * A row times a matrix whose rows are contiguous: `(out, a, aStep, b, bStep, columns, depth)`, strides in bytes. Rows
 * of the matrix are read as they lie. As in a tile an element is summed from zero in ascending order.
 */
export function addRowTimesRows(
  module: ModuleBuilder,
  { bytes, addProduct, loadSplat, loadOne, storeLane }: Arithmetic,
): FuncRef<undefined> {
  return module.func(params, undefined, (f, ...all) => {
    const [out, a, aStep, b, bStep, columns, depth] = all as unknown as Params;
    const advance = (pointer: Pointer, by: I32) => f.set(pointer, i32.add(pointer, by));
    const outEnd = f.local("i32", i32.add(out, i32.mul(columns, i32.const(bytes))));
    const end = f.local("i32");
    const at = f.local("i32");
    const factorAt = f.local("i32");
    const row = f.local("i32");
    const left = f.local("i32");

    const pass = (count: number) => {
      const rows = Array.from({ length: count }, () => {
        const factor = f.local("v128", loadSplat(factorAt));
        const fromOut = f.local("i32", i32.sub(row, out));
        advance(factorAt, aStep);
        advance(row, bStep);
        return { factor, fromOut };
      });
      const sum = f.local("v128");
      const addUp = (load: typeof loadOne) => {
        f.set(sum, load(at));
        for (const { factor, fromOut } of rows) {
          f.set(sum, addProduct(sum, factor, load(i32.add(at, fromOut))));
        }
      };
      f.set(at, out);
      f.while(() => i32.le_u(i32.add(at, i32.const(16)), end), () => {
        addUp(v128.load);
        f.do(v128.store(at, sum));
        advance(at, i32.const(16));
      });
      f.while(() => i32.lt_u(at, end), () => {
        addUp(loadOne);
        f.do(storeLane(at, sum, 0));
        advance(at, i32.const(bytes));
      });
    };

    const zero = f.local("v128");
    f.while(() => i32.lt_u(out, outEnd), () => {
      f.set(end, i32.add(out, i32.const(stripBytes)));
      f.set(end, select(i32.lt_u(end, outEnd), end, outEnd));
      f.set(at, out);
      f.while(() => i32.lt_u(at, end), () => {
        f.do(storeLane(at, zero, 0));
        advance(at, i32.const(bytes));
      });
      f.set(factorAt, a);
      f.set(row, b);
      f.set(left, depth);
      for (const count of [passRows, 1]) {
        f.while(() => i32.ge_u(left, i32.const(count)), () => {
          pass(count);
          f.set(left, i32.sub(left, i32.const(count)));
        });
      }
      advance(b, i32.const(stripBytes));
      f.set(out, end);
    });
  });
}

/**
 * A row times a matrix whose columns are contiguous: `(out, a, aStep, b, bColumn, columns, depth)`. Vectors of two
 * groups of columns are transposed in registers, so that each lane sums its own column as above.
 */
export function addRowTimesColumns(
  module: ModuleBuilder,
  { bytes, lanes, addProduct, loadSplat, loadOne, loadLane, storeLane }: Arithmetic,
): FuncRef<undefined> {
  return module.func(params, undefined, (f, ...all) => {
    const [out, a, aStep, b, bColumn, columns, depth] = all as unknown as Params;
    const advance = (pointer: Pointer, by: I32) => f.set(pointer, i32.add(pointer, by));
    const factorAt = f.local("i32");
    const left = f.local("i32");
    const factor = f.local("v128");
    const groups = [0, 1].map(() => ({
      sum: f.local("v128"),
      columns: Array.from({ length: lanes }, () => f.local("i32")),
    }));
    const pointers = groups.flatMap((group) => group.columns);
    const zero = f.local("v128");

    f.while(() => columns, () => {
      pointers.forEach((pointer, j) => {
        // Beyond the last column, that one again.
        if (j === 0) f.set(pointer, b);
        else {
          const before = pointers[j - 1]!;
          const next = i32.add(before, bColumn);
          f.set(pointer, select(i32.gt_u(columns, i32.const(j)), next, before));
        }
      });
      for (const { sum } of groups) f.set(sum, zero);
      f.set(factorAt, a);
      f.set(left, depth);
      f.while(() => i32.ge_u(left, i32.const(lanes)), () => {
        const blocks = groups.map(({ columns }) => {
          const vectors = columns.map((column) => f.local("v128", v128.load(column)));
          return transposeBlock(f, vectors).map((step) => f.local("v128", step));
        });
        for (let l = 0; l < lanes; l++) {
          f.set(factor, loadSplat(factorAt));
          advance(factorAt, aStep);
          groups.forEach(({ sum }, g) => f.set(sum, addProduct(sum, factor, blocks[g]![l]!)));
        }
        for (const pointer of pointers) advance(pointer, i32.const(16));
        f.set(left, i32.sub(left, i32.const(lanes)));
      });
      f.while(() => left, () => {
        f.set(factor, loadSplat(factorAt));
        advance(factorAt, aStep);
        for (const { sum, columns } of groups) {
          const [first, ...others] = columns;
          const step = others.reduce((x, column, i) => loadLane(column, x, i + 1), loadOne(first!));
          f.set(sum, addProduct(sum, factor, step));
        }
        for (const pointer of pointers) advance(pointer, i32.const(bytes));
        f.set(left, i32.sub(left, i32.const(1)));
      });
      pointers.forEach((_, j) =>
        f.if(i32.gt_u(columns, i32.const(j)), () => {
          f.do(storeLane(out, groups[Math.floor(j / lanes)]!.sum, j % lanes, j * bytes));
        })
      );
      advance(out, i32.const(2 * 16));
      advance(b, i32.mul(bColumn, i32.const(pointers.length)));
      f.set(
        columns,
        select(
          i32.gt_u(columns, i32.const(pointers.length)),
          i32.sub(columns, i32.const(pointers.length)),
          i32.const(0),
        ),
      );
    });
  });
}
