/**
 * Convolutions for the WebAssembly backend: matrices of patches times the window, where only a block of patches exists
 * at a time (implicit GEMM). Blocks are multiplied by `blocks` of `dotModule`; what gathers them is generated for each
 * convolution. As in a product every element is summed in ascending order from zero, padding included, so the bits
 * are those of the reference backend whatever the blocks and threads.
 */
import type { Kernel } from "../../src/backend/program.ts";
import { bytesPerElement } from "../../src/core/dtype.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { addPatches, type PatchGeometry } from "./conv-patches.ts";
import { type DotFunctions, type DotPlan, inPlaceBytes } from "./dot.ts";
import { blockColumns, blockDepth, cutTileBytes } from "./dot-blocks.ts";
import { tileRows, tileVectors } from "./dot-tile.ts";
import { createModule } from "./module.ts";
import { compileModule } from "./module-code.ts";

/** What a convolution calls: the functions of `dotModule` and of its own module. */
export interface ConvFunctions extends DotFunctions {
  // deno-fmt-ignore
  patches(
    to: number, from: number, row: number, endRow: number, tap: number, endTap: number,
  ): void;
}

/** A convolution made ready. A unit is a position in an image. */
export interface ConvPlan extends DotPlan<ConvFunctions> {
  /** The module that exports `patches`. */
  module(shared: boolean): WebAssembly.Module;
}

/** Patches in a block. */
const blockPatches = 128;
/** Steps of the sum in a block, about. */
const patchDepth = 512;
/** Calls in a task of the pool, and parts of a sum, at most. */
const mostCalls = 1000;
const mostParts = 64;

/** Makes a convolution ready. */
export function prepareConv({ params, operands, output }: Kernel<"conv">): ConvPlan {
  const [x, w] = [operands[0]!.spec, operands[1]!.spec];
  const { dtype } = x;
  const bytes = bytesPerElement(dtype);
  const [groups, batch] = x.shape as [number, number];
  const [channels, columns] = w.shape.slice(-2) as [number, number];
  const input = x.shape.slice(2, -1);
  const window = w.shape.slice(1, -2);
  const positions = output.spec.shape.slice(2, -1);
  const depth = sizeOf(window) * channels;
  const rows = batch * sizeOf(positions);

  // A window of one element everywhere in x: x is the matrix.
  const inPlace = sizeOf(window) === 1 && params.low.every((low) => low === 0) &&
    positions.every((extent, axis) => extent === input[axis]) &&
    params.stride.every((stride) => stride === 1) &&
    params.inputDilation.every((dilation) => dilation === 1);
  const wholeRows = window.length > 0 && window.at(-1)! * channels <= patchDepth &&
    params.kernelDilation.at(-1) === 1 && params.inputDilation.at(-1) === 1;
  const geometry: PatchGeometry = {
    ...params,
    input,
    positions,
    window,
    pixelBytes: channels * bytes,
    wholeRows,
  };
  const run = wholeRows ? window.at(-1)! * channels : channels;
  const taps = wholeRows ? sizeOf(window.slice(0, -1)) : sizeOf(window);
  const tapsEach = Math.max(
    1,
    Math.ceil(taps / mostParts),
    run === 0 ? taps : Math.floor(patchDepth / run),
  );
  const parts = inPlace ? 1 : Math.max(1, Math.ceil(taps / tapsEach));

  const width = tileVectors * 16 / bytes;
  const deep = Math.min(depth, blockDepth);
  const packsB = deep * columns * bytes > inPlaceBytes && rows >= 2 * tileRows;
  const patchBytes = inPlace ? 0 : blockPatches * Math.min(tapsEach * run, depth) * bytes;
  const panels = (extent: number, each: number) => Math.ceil(extent / each) * each * deep * bytes;
  const packedB = patchBytes + cutTileBytes + panels(tileRows, tileRows);
  const rowBytes = columns * bytes;
  const imageBytes = batch * sizeOf(input) * channels * bytes;

  return {
    dtype,
    units: groups * rows,
    mostUnits: blockPatches * Math.floor(mostCalls / (2 * parts)),
    flops: 2 * groups * rows * depth * columns,
    scratchBytes: packedB + panels(packsB ? Math.min(columns, blockColumns) : width, width),
    module(shared) {
      const module = createModule();
      module.importMemory(0, 65536, shared);
      module.export("patches", addPatches(module, geometry));
      return compileModule(module.encode());
    },
    run({ patches, blocks }, out, a, b, scratch, from, to) {
      for (let unit = from, end: number; unit < to; unit = end) {
        const group = Math.floor(unit / rows);
        const row = unit - group * rows;
        end = Math.min(unit + blockPatches, (group + 1) * rows, to);
        const count = end - unit;
        const images = a + group * imageBytes;
        for (let part = 0; part < parts; part++) {
          const tap = part * tapsEach;
          const endTap = Math.min(tap + tapsEach, taps);
          const steps = inPlace ? depth : (endTap - tap) * run;
          if (!inPlace && steps > 0) patches(scratch, images, row, row + count, tap, endTap);
          // deno-fmt-ignore
          blocks(
            out + unit * rowBytes, rowBytes,
            inPlace ? images + row * channels * bytes : scratch, steps * bytes, bytes,
            b + (group * depth + tap * run) * rowBytes, rowBytes, bytes,
            count, columns, steps,
            scratch + patchBytes, scratch + packedB, 0, packsB ? 1 : 0, part > 0 ? 1 : 0,
          );
        }
      }
    },
  };
}
