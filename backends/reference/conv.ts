import { allocate } from "../../src/core/dtype.ts";
import { sizeOf } from "../../src/core/shape.ts";
import type { Kernel } from "../../src/backend/program.ts";
import { tiles } from "./dot-tiles.ts";
import type { Run } from "./run.ts";

/** Makes `conv` ready: for each image a matrix of patches, zeros where there is padding, times the window. */
export function prepareConv({ params, operands, output }: Kernel<"conv">): Run {
  const [x, w] = [operands[0]!.spec, operands[1]!.spec];
  const [groups, batch] = x.shape as [number, number];
  const [channels, outputs] = w.shape.slice(-2) as [number, number];
  const input = x.shape.slice(2, -1);
  const positions = output.spec.shape.slice(2, -1);
  const window = w.shape.slice(1, -2);

  const [pixels, rows, taps] = [sizeOf(input), sizeOf(positions), sizeOf(window)];
  const sources = sourcesOf(params, input, positions, window);
  const depth = taps * channels;
  const patches = allocate(x.dtype, rows * depth);
  const multiply = tiles(x.dtype);
  const sizes = { m: rows, n: outputs, k: depth, am: depth, ak: 1, bk: outputs, bn: 1 };
  return (out, [images, kernel]) => {
    for (let image = 0; image < groups * batch; image++) {
      const group = Math.floor(image / batch);
      sources.forEach((pixel, i) => {
        for (let c = 0; c < channels; c++) {
          const element = (image * pixels + pixel) * channels + c;
          patches[i * channels + c] = pixel < 0 ? 0 : images![element]!;
        }
      });
      const b = group * depth * outputs;
      multiply(out, image * rows * outputs, patches, 0, kernel!, b, sizes);
    }
  };
}

/** Which pixel lies under each element of the window at each position; -1: none. */
function sourcesOf(
  { stride, low, inputDilation, kernelDilation }: Kernel<"conv">["params"],
  input: readonly number[],
  positions: readonly number[],
  window: readonly number[],
): Int32Array {
  const taps = sizeOf(window);
  return Int32Array.from({ length: sizeOf(positions) * taps }, (_, i) => {
    const position = coordinatesOf(Math.floor(i / taps), positions);
    const element = coordinatesOf(i % taps, window);
    let pixel = 0;
    for (let axis = 0; axis < input.length; axis++) {
      const at = position[axis]! * stride[axis]! + element[axis]! * kernelDilation[axis]! -
        low[axis]!;
      const coordinate = at / inputDilation[axis]!;
      if (!Number.isInteger(coordinate) || coordinate < 0 || coordinate >= input[axis]!) return -1;
      pixel = pixel * input[axis]! + coordinate;
    }
    return pixel;
  });
}

/** The coordinates of an element in row-major order. */
function coordinatesOf(index: number, shape: readonly number[]): number[] {
  const coordinates: number[] = [];
  for (const extent of shape.toReversed()) {
    coordinates.unshift(index % extent);
    index = Math.floor(index / extent);
  }
  return coordinates;
}
