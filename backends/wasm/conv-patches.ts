import type { Func, FuncRef, Local, ModuleBuilder } from "./module.ts";
import { i32, i32x4, select, v128 } from "./opcodes.ts";
import type { Value } from "./value.ts";

type I32 = Value<"i32">;
type Variable = Local<"i32">;

/** Where patches lie in images `[batch, ...input, channels]`; arrays have an entry for each spatial axis. */
export interface PatchGeometry {
  readonly input: readonly number[];
  readonly positions: readonly number[];
  readonly window: readonly number[];
  readonly stride: readonly number[];
  readonly low: readonly number[];
  readonly inputDilation: readonly number[];
  readonly kernelDilation: readonly number[];
  /** Bytes of the channels of a pixel, a multiple of 4. */
  readonly pixelBytes: number;
  /** Whether the last axis of the window is copied in one go: its elements must lie side by side. */
  readonly wholeRows: boolean;
}

/**
 * Writes patches as rows of a matrix: `(to, from, row, endRow, tap, endTap)`. A row is a position in an image (all
 * positions of the first image, then of the next), a tap an element of the window (or, with `wholeRows`, a row of
 * it), each with its channels. What is not in the image is zeros. All of the geometry is in the code.
 */
export function addPatches(module: ModuleBuilder, geometry: PatchGeometry): FuncRef<undefined> {
  const { input, positions, window, stride, low, inputDilation, kernelDilation } = geometry;
  const { pixelBytes, wholeRows } = geometry;
  const axes = input.map((_, axis) => axis);
  const tapAxes = wholeRows ? axes.slice(0, -1) : axes;
  const runPixels = wholeRows ? window.at(-1)! : 1;
  /** Bytes from one index of an axis to the next. */
  const steps = axes.map((axis) => input.slice(axis + 1).reduce((a, b) => a * b, pixelBytes));
  const imageBytes = input.reduce((a, b) => a * b, pixelBytes);
  const params = ["i32", "i32", "i32", "i32", "i32", "i32"] as const;

  return module.func(params, undefined, (f, to, from, row, endRow, tap, endTap) => {
    const variable = (first?: I32) => f.local("i32", first);
    const position = axes.map(() => variable());
    const firstTap = tapAxes.map(() => variable());
    const element = tapAxes.map(() => variable());
    const origin = axes.map(() => variable());
    const [image, at, inside, along, count, before, end] = Array.from(
      { length: 7 },
      () => variable(),
    ) as [Variable, Variable, Variable, Variable, Variable, Variable, Variable];
    const firstBefore = variable(i32.const(0));
    const firstEnd = variable(i32.const(runPixels));
    const bytes = (pixels: I32) => i32.mul(pixels, i32.const(pixelBytes));

    f.set(image, from);
    const outer = split(f, row, position, positions);
    f.set(image, i32.add(image, i32.mul(outer, i32.const(imageBytes))));
    split(f, tap, firstTap, window);

    f.while(() => i32.lt_u(row, endRow), () => {
      axes.forEach((axis) =>
        f.set(
          origin[axis]!,
          i32.sub(i32.mul(position[axis]!, i32.const(stride[axis]!)), i32.const(low[axis]!)),
        )
      );
      if (wholeRows) {
        const start = origin.at(-1)!;
        f.set(firstBefore, clamp(i32.sub(i32.const(0), start), runPixels));
        f.set(firstEnd, clamp(i32.sub(i32.const(input.at(-1)!), start), runPixels));
        // Not before its start, where the window lies beyond the image.
        f.set(firstEnd, largest(firstEnd, firstBefore));
      }
      tapAxes.forEach((axis) => f.set(element[axis]!, firstTap[axis]!));
      f.set(count, tap);

      f.while(() => i32.lt_u(count, endTap), () => {
        f.set(at, image);
        f.set(inside, i32.const(1));
        for (const axis of tapAxes) {
          const dilation = inputDilation[axis]!;
          const span = input[axis] === 0 ? 0 : (input[axis]! - 1) * dilation + 1;
          const offset = i32.mul(element[axis]!, i32.const(kernelDilation[axis]!));
          f.set(along, i32.add(origin[axis]!, offset));
          f.set(inside, i32.and(inside, i32.lt_u(along, i32.const(span))));
          if (dilation > 1) {
            f.set(inside, i32.and(inside, i32.eqz(i32.rem_u(along, i32.const(dilation)))));
            f.set(along, i32.div_u(along, i32.const(dilation)));
          }
          f.set(at, i32.add(at, i32.mul(along, i32.const(steps[axis]!))));
        }
        f.set(before, select(inside, firstBefore, i32.const(runPixels)));
        f.set(end, select(inside, firstEnd, i32.const(runPixels)));
        if (wholeRows) f.set(at, i32.add(at, bytes(i32.add(origin.at(-1)!, before))));
        zeros(f, to, variable(bytes(before)));
        copy(f, to, at, variable(bytes(i32.sub(end, before))));
        zeros(f, to, variable(bytes(i32.sub(i32.const(runPixels), end))));
        countUp(f, element, window);
        f.set(count, i32.add(count, i32.const(1)));
      });
      countUp(f, position, positions, () => f.set(image, i32.add(image, i32.const(imageBytes))));
      f.set(row, i32.add(row, i32.const(1)));
    });
  });
}

/** Sets coordinates from an index in row-major order; what is left of it is the index of an axis before them. */
function split(f: Func, index: I32, to: readonly Variable[], extents: readonly number[]): I32 {
  const rest = f.local("i32", index);
  for (let axis = to.length - 1; axis >= 0; axis--) {
    f.set(to[axis]!, i32.rem_u(rest, i32.const(extents[axis]!)));
    f.set(rest, i32.div_u(rest, i32.const(extents[axis]!)));
  }
  return rest;
}

/** The next coordinates in row-major order; `carry` where they begin anew. */
function countUp(
  f: Func,
  coordinates: readonly Variable[],
  extents: readonly number[],
  carry: () => void = () => {},
): void {
  const last = coordinates.at(-1);
  if (last === undefined) return carry();
  const others = coordinates.slice(0, -1);
  f.set(last, i32.add(last, i32.const(1)));
  f.if(i32.eq(last, i32.const(extents[others.length]!)), () => {
    f.set(last, i32.const(0));
    countUp(f, others, extents, carry);
  });
}

function largest(a: I32, b: I32): I32 {
  return select(i32.gt_s(a, b), a, b);
}

function clamp(x: I32, limit: number): I32 {
  const positive = largest(x, i32.const(0));
  return select(i32.lt_s(positive, i32.const(limit)), positive, i32.const(limit));
}

function zeros(f: Func, to: Variable, left: Variable): void {
  inVectors(f, left, (size) => {
    if (size === 16) f.do(v128.store(to, i32x4.const(0)));
    else f.do(v128.store32_lane(to, i32x4.const(0), 0));
    f.set(to, i32.add(to, i32.const(size)));
  });
}

function copy(f: Func, to: Variable, from: Variable, left: Variable): void {
  inVectors(f, left, (size) => {
    if (size === 16) f.do(v128.store(to, v128.load(from)));
    else f.do(v128.store32_lane(to, v128.load32_zero(from), 0));
    f.set(to, i32.add(to, i32.const(size)));
    f.set(from, i32.add(from, i32.const(size)));
  });
}

/** Counts bytes down to 0, 16 at a time and then 4. */
function inVectors(f: Func, left: Variable, body: (size: 16 | 4) => void): void {
  for (const size of [16, 4] as const) {
    f.while(() => i32.ge_u(left, i32.const(size)), () => {
      body(size);
      f.set(left, i32.sub(left, i32.const(size)));
    });
  }
}
