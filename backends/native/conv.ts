/** The `conv` primitive by a BLAS: blocks of patches, gathered here, times the window. */
import type { Kernel } from "../../src/backend/program.ts";
import { allocate, type TypedArray } from "../../src/core/dtype.ts";
import { sizeOf, stridesOf } from "../../src/core/shape.ts";
import type { Blas, MatrixProduct } from "./blas.ts";

/** Writes the whole convolution to `out`; the arrays hold the operands in row-major order. */
export type BlasConv = (out: TypedArray, x: TypedArray, w: TypedArray) => void;

/** Elements of patches that exist at a time: they stay in the cache between being gathered and multiplied. */
const blockElements = 2 ** 20;

/**
 * Whether that beats the WebAssembly convolution, as measured with OpenBLAS: gathering is done by one thread, an
 * element at a time where neighbours are not read in runs, and must be repaid by the product.
 */
function pays(rows: number, columns: number, depth: number, run: number): boolean {
  return rows * columns * depth >= 2 ** 24 && columns >= 64 && run >= 64;
}

/**
 * Makes a convolution ready, or gives undefined where another way is better: dtypes that BLAS does not know, numbers
 * instead of memory, spread inputs, and what is not worth it; empty ones must not be.
 */
export function blasConv(
  blas: Blas,
  { params, operands, output }: Kernel<"conv">,
  isWorthwhile: typeof pays = pays,
): BlasConv | undefined {
  const [x, w] = [operands[0]!.spec, operands[1]!.spec];
  const { dtype } = x;
  if (dtype !== "float32" && dtype !== "float64") return undefined;
  if (operands.some((operand) => "literal" in operand)) return undefined;
  if (params.inputDilation.some((dilation) => dilation !== 1)) return undefined;
  const [groups, batch] = x.shape as [number, number];
  const [channels, columns] = w.shape.slice(-2) as [number, number];
  const input = x.shape.slice(2, -1);
  const window = w.shape.slice(1, -2);
  const positions = output.spec.shape.slice(2, -1);
  const depth = sizeOf(window) * channels;
  const rows = batch * sizeOf(positions);
  const [inner, ...outer] = [window.at(-1) ?? 1, ...window.slice(0, -1)];
  // Neighbours along the last axis lie side by side: taps of one line of the window are one run.
  const isLine = window.length > 0 && params.kernelDilation.at(-1) === 1;
  const run = isLine ? inner * channels : channels;
  if (!isWorthwhile(rows, columns, depth, run)) return undefined;

  const multiply = (dtype === "float32" ? blas.sgemm : blas.dgemm) as MatrixProduct<TypedArray>;
  const rowsEach = Math.min(rows, Math.max(1, Math.floor(blockElements / depth)));
  const taps = coordinates(isLine ? outer : window);
  const places = coordinates(positions);
  const pixelStrides = stridesOf([...input, channels]).slice(0, -1);
  const imageSize = sizeOf(input) * channels;
  const { stride, low, kernelDilation } = params;

  /** Writes the patch of one position of an image that begins at `start`. */
  function gather(patches: TypedArray, to: number, from: TypedArray, start: number, at: Place) {
    for (const tap of taps) {
      let source = start;
      let inside = true;
      for (let axis = 0; axis < tap.length; axis++) {
        const pixel = at[axis]! * stride[axis]! + tap[axis]! * kernelDilation[axis]! - low[axis]!;
        inside &&= pixel >= 0 && pixel < input[axis]!;
        source += pixel * pixelStrides[axis]!;
      }
      let [first, count] = [0, run];
      if (isLine) {
        const axis = input.length - 1;
        const pixel = at[axis]! * stride[axis]! - low[axis]!;
        const begin = Math.min(Math.max(pixel, 0), input[axis]!);
        const end = Math.max(begin, Math.min(pixel + inner, input[axis]!));
        source += begin * channels;
        first = end > begin ? (begin - pixel) * channels : 0;
        count = (end - begin) * channels;
      }
      if (!inside) count = 0;
      if (count < run) patches.fill(0, to, to + run);
      if (count > 0) patches.set(from.subarray(source, source + count), to + first);
      to += run;
    }
  }

  return (out, images, kernel) => {
    const patches = allocate(dtype, rowsEach * depth);
    for (let group = 0; group < groups; group++) {
      const weights = kernel.subarray(group * depth * columns, (group + 1) * depth * columns);
      for (let row = 0; row < rows; row += rowsEach) {
        const count = Math.min(rowsEach, rows - row);
        for (let i = 0; i < count; i++) {
          const image = Math.floor((row + i) / places.length);
          const start = (group * batch + image) * imageSize;
          gather(patches, i * depth, images, start, places[(row + i) % places.length]!);
        }
        const to = out.subarray((group * rows + row) * columns);
        multiply(
          false,
          false,
          count,
          columns,
          depth,
          patches,
          depth,
          weights,
          columns,
          to,
          columns,
        );
      }
    }
  };
}

type Place = readonly number[];

/** All coordinates of a shape in row-major order. */
function coordinates(shape: readonly number[]): Place[] {
  return shape.reduce<number[][]>(
    (all, extent) => all.flatMap((each) => Array.from({ length: extent }, (_, i) => [...each, i])),
    [[]],
  );
}
