import type { Arithmetic } from "./dot-arithmetic.ts";
import { transposeBlock } from "./dot-transpose.ts";
import type { Func, FuncRef, Local, ModuleBuilder } from "./module.ts";
import { i32, i32x4, v128 } from "./opcodes.ts";

type Pointer = Local<"i32">;

/**
 * Copies a part of a matrix into panels, which the tiles read without a gap: `(to, from, stride, depthStride, count,
 * depth)`, strides in bytes. A panel holds `width` of the `count` rows (or columns), element by element for each of
 * the `depth` steps of the sum; the last panel is filled up with zeros.
 */
export function addPack(
  module: ModuleBuilder,
  { bytes, lanes, loadOne, storeLane }: Arithmetic,
  width: number,
): FuncRef<undefined> {
  const params = ["i32", "i32", "i32", "i32", "i32", "i32"] as const;
  const vectors = Array.from({ length: width / lanes }, (_, vector) => vector);
  const panelStep = i32.const(width * bytes);

  return module.func(params, undefined, (f, to, from, stride, depthStride, count, depth) => {
    const source = f.local("i32");
    const at = f.local("i32");
    const left = f.local("i32");
    const index = f.local("i32");
    const one = i32.const(1);

    const advance = (pointer: Pointer, by: Parameters<typeof i32.add>[1]) =>
      f.set(pointer, i32.add(pointer, by));
    /** Counts `left` down by `step` while that many are left. */
    const whileLeft = (step: number, body: () => void) =>
      f.while(() => i32.ge_u(left, i32.const(step)), () => {
        body();
        f.set(left, i32.sub(left, i32.const(step)));
      });

    const copyVectors = () =>
      whileLeft(1, () => {
        for (const j of vectors) f.do(v128.store(to, v128.load(source, 16 * j), 16 * j));
        advance(source, depthStride);
        advance(to, panelStep);
      });
    const copyElements = (limit: Parameters<typeof i32.lt_u>[1]) =>
      whileLeft(1, () => {
        for (const j of vectors) f.do(v128.store(to, i32x4.const(0), 16 * j));
        f.set(at, source);
        f.set(index, i32.const(0));
        f.while(() => i32.lt_u(index, limit), () => {
          f.do(storeLane(i32.add(to, i32.mul(index, i32.const(bytes))), loadOne(at), 0));
          advance(at, stride);
          f.set(index, i32.add(index, one));
        });
        advance(source, depthStride);
        advance(to, panelStep);
      });

    f.while(() => i32.ge_s(count, one), () => {
      f.set(source, from);
      f.set(left, depth);
      const full = i32.ge_u(count, i32.const(width));
      f.if(i32.and(full, i32.eq(stride, i32.const(bytes))), copyVectors);
      f.if(i32.and(full, i32.eq(depthStride, i32.const(bytes))), () => {
        whileLeft(lanes, () => transposeSteps(f, { to, source, stride, at, width, lanes }));
      });
      f.if(left, () => {
        const few = f.local("i32", i32.const(width));
        f.if(i32.lt_u(count, i32.const(width)), () => f.set(few, count));
        copyElements(few);
      });
      advance(from, i32.mul(stride, i32.const(width)));
      f.set(count, i32.sub(count, i32.const(width)));
    });
  });
}

interface Blocks {
  readonly to: Pointer;
  readonly source: Pointer;
  readonly stride: Pointer;
  readonly at: Pointer;
  readonly width: number;
  readonly lanes: number;
}

/** Moves as many steps of a panel as a vector has lanes, when steps lie side by side: square blocks, transposed. */
function transposeSteps(f: Func, { to, source, stride, at, width, lanes }: Blocks): void {
  f.set(at, source);
  for (let block = 0; block < width; block += lanes) {
    const rows = Array.from({ length: lanes }, () => {
      const row = f.local("v128", v128.load(at));
      f.set(at, i32.add(at, stride));
      return row;
    });
    transposeBlock(f, rows).forEach((step, l) =>
      f.do(v128.store(to, step, (l * width + block) * (16 / lanes)))
    );
  }
  f.set(source, i32.add(source, i32.const(16)));
  f.set(to, i32.add(to, i32.const(16 * width)));
}
