/**
 * Matrix products for the WebAssembly backend.
 *
 * `dotModule(dtype, shared)` is one module a dtype for products of every shape and layout: shapes and strides are
 * arguments, so it is compiled once a process. It imports `env.memory`; make one instance for each memory and thread
 * and call its functions through a plan:
 *
 * ```text
 * const plan = prepareDot(kernel); // a Kernel<"dot">, once
 * const functions = new WebAssembly.Instance(dotModule(plan.dtype, shared), { env: { memory } }).exports;
 * plan.run(functions, out, a, b, scratch, 0, plan.units); // addresses in bytes
 * ```
 *
 * Work is counted in `units`; threads may take any ranges of them, each with scratch memory of its own
 * (`scratchBytes`, on a 16-byte boundary). Every element of the result is summed from zero in ascending order of the
 * contracted index (the last contracted pair fastest), multiplication and addition rounded apart. So the bits depend
 * neither on layouts, tiles, blocks or threads nor on the engine, and are those of the reference backend.
 */
import { bytesPerElement, type DType } from "../../src/core/dtype.ts";
import type { Kernel } from "../../src/backend/program.ts";
import { arithmeticOf } from "./dot-arithmetic.ts";
import { addBlocks, blockColumns, blockDepth, blockRows, cutTileBytes } from "./dot-blocks.ts";
import { addGather } from "./dot-gather.ts";
import { type Matrices, matricesOf, offsets } from "./dot-matrices.ts";
import { tileRows, tileVectors } from "./dot-tile.ts";
import { addRowTimesColumns, addRowTimesRows } from "./dot-vector.ts";
import { createModule } from "./module.ts";
import { compileModule } from "./module-code.ts";

/** What an instance of `dotModule` exports. */
export interface DotFunctions {
  // deno-fmt-ignore
  blocks(
    out: number, outRow: number, a: number, aRow: number, aStep: number, b: number, bStep: number, bColumn: number,
    rows: number, columns: number, depth: number, scratch: number, packedB: number, packsA: number, packsB: number,
    goesOn: number,
  ): void;
  // deno-fmt-ignore
  rowTimesRows(
    out: number, a: number, aStep: number, b: number, bStep: number, columns: number, depth: number,
  ): void;
  // deno-fmt-ignore
  rowTimesColumns(
    out: number, a: number, aStep: number, b: number, bColumn: number, columns: number, depth: number,
  ): void;
  // deno-fmt-ignore
  gather(
    to: number, from: number, rowStride: number, columnStride: number, rows: number, columns: number,
  ): void;
}

/** A product made ready, in terms of the functions of `dotModule` and maybe others. */
export interface DotPlan<Functions extends DotFunctions = DotFunctions> {
  readonly dtype: DType;
  /** Parts into which the work can be divided. */
  readonly units: number;
  /** Units whose calls fit into one task of the pool. */
  readonly mostUnits: number;
  /** Multiplications and additions in all. */
  readonly flops: number;
  /** Scratch memory that each call of `run` needs. */
  readonly scratchBytes: number;
  /** Computes units `from` to `to`. Addresses are in bytes. */
  // deno-fmt-ignore
  run(
    functions: Functions, out: number, a: number, b: number, scratch: number, from: number, to: number,
  ): void;
}

const modules = new Map<string, WebAssembly.Module>();

/** The module for a dtype, compiled at the first use; uint32 has int32's. */
export function dotModule(dtype: DType, shared: boolean): WebAssembly.Module {
  const key = `${dtype === "uint32" ? "int32" : dtype} ${shared}`;
  let compiled = modules.get(key);
  if (compiled === undefined) {
    const module = createModule();
    module.importMemory(0, 65536, shared);
    const arithmetic = arithmeticOf(dtype);
    module.export("blocks", addBlocks(module, arithmetic));
    module.export("rowTimesRows", addRowTimesRows(module, arithmetic));
    module.export("rowTimesColumns", addRowTimesColumns(module, arithmetic));
    module.export("gather", addGather(module, arithmetic));
    compiled = compileModule(module.encode());
    modules.set(key, compiled);
  }
  return compiled;
}

/** Results with fewer rows than this are computed row by row. */
const fewRows = 4;
/** Products with fewer rows in all than this are divided by columns. */
const fewRowsToDivide = 16;
/** Columns in a unit of a product that is divided by columns. */
const unitColumns = 16;
/** Bytes over which a tile may range in an operand that many tiles read in place: the first cache. */
export const inPlaceBytes = 32768;
/** Tiles that must read the same part of an operand for a copy of it to pay. */
const manyTiles = 2;

/** Makes a product ready. */
export function prepareDot({ params, operands }: Kernel<"dot">): DotPlan {
  const { dtype } = operands[0]!.spec;
  const bytes = bytesPerElement(dtype);
  const sides = operands.map(({ spec }, side) =>
    matricesOf(
      spec.shape,
      params.batch.map((pair) => pair[side]!),
      params.contract.map((pair) => pair[side]!),
    )
  );
  const [left, right] = sides as [Matrices, Matrices];
  // A column as the result is computed as the row that lies the same way in memory.
  const swapped = right.free === 1 && left.free > 1;
  const [first, second] = swapped ? [right, left] : [left, right];
  const batches = left.starts.length;
  const rows = first.free;
  const columns = second.free;
  const copies = [copyOf(left, bytes), copyOf(right, bytes)] as const;
  const product = prepareProduct(first, second, bytes);
  const byColumns = batches * rows < fewRowsToDivide && columns > batches * rows;

  return {
    dtype,
    units: byColumns ? Math.ceil(columns / unitColumns) : batches * rows,
    mostUnits: Infinity,
    flops: 2 * batches * rows * columns * left.depth,
    scratchBytes: copies[0].bytes + copies[1].bytes + product.scratchBytes,
    run(functions, out, a, b, scratch, from, to) {
      const fromLeft = copies[0].run(functions, scratch, a);
      const fromRight = copies[1].run(functions, scratch + copies[0].bytes, b);
      const rest = scratch + copies[0].bytes + copies[1].bytes;
      const [x, y] = swapped ? [fromRight, fromLeft] : [fromLeft, fromRight];
      const part = (batch: number, i0: number, i1: number, j0: number, j1: number) => {
        if (i0 >= i1 || j0 >= j1) return;
        product.run(
          functions,
          out + ((batch * rows + i0) * columns + j0) * bytes,
          x + (first.starts[batch]! + i0 * first.freeStride) * bytes,
          y + (second.starts[batch]! + j0 * second.freeStride) * bytes,
          rest,
          i1 - i0,
          j1 - j0,
        );
      };
      if (byColumns) {
        const j1 = Math.min(to * unitColumns, columns);
        for (let batch = 0; batch < batches; batch++) {
          part(batch, 0, rows, from * unitColumns, j1);
        }
      } else if (rows > 0) {
        for (let batch = Math.floor(from / rows); batch * rows < to; batch++) {
          const before = batch * rows;
          part(batch, Math.max(from - before, 0), Math.min(to - before, rows), 0, columns);
        }
      }
    },
  };
}

/** Copying an operand where that is necessary. `run` gives the address to read from. */
function copyOf({ copyAxes }: Matrices, bytes: number): {
  readonly bytes: number;
  readonly run: (functions: DotFunctions, to: number, from: number) => number;
} {
  if (copyAxes === undefined) return { bytes: 0, run: (_, __, from) => from };
  const outer = copyAxes.slice(0, -2);
  const [rows, columns] = copyAxes.slice(-2) as [typeof copyAxes[0], typeof copyAxes[0]];
  const starts = offsets(outer);
  const each = rows.extent * columns.extent * bytes;
  return {
    bytes: Math.ceil(starts.length * each / 16) * 16,
    run: ({ gather }, to, from) => {
      starts.forEach((start, i) =>
        gather(
          to + i * each,
          from + start * bytes,
          rows.stride * bytes,
          columns.stride * bytes,
          rows.extent,
          columns.extent,
        )
      );
      return to;
    },
  };
}

/** The product of one pair of matrices, or of some rows and columns of it. */
interface Product {
  readonly scratchBytes: number;
  // deno-fmt-ignore
  readonly run: (
    functions: DotFunctions, out: number, a: number, b: number, scratch: number, rows: number, columns: number,
  ) => void;
}

function prepareProduct(a: Matrices, b: Matrices, bytes: number): Product {
  const { depth } = a;
  const outRow = b.free * bytes;
  const aRow = a.freeStride * bytes;
  const aStep = a.depthStride * bytes;
  const bColumn = b.freeStride * bytes;
  const bStep = b.depthStride * bytes;
  const columnsContiguous = bStep === bytes;
  const rowsContiguous = bColumn === bytes;

  if (a.free < fewRows && (rowsContiguous || columnsContiguous)) {
    const byColumns = columnsContiguous && (!rowsContiguous || b.free === 1);
    return {
      scratchBytes: 0,
      run({ rowTimesRows, rowTimesColumns }, out, x, y, _scratch, rows, columns) {
        for (let i = 0; i < rows; i++) {
          const row = out + i * outRow;
          if (byColumns) rowTimesColumns(row, x + i * aRow, aStep, y, bColumn, columns, depth);
          else rowTimesRows(row, x + i * aRow, aStep, y, bStep, columns, depth);
        }
      },
    };
  }

  const deep = Math.min(depth, blockDepth);
  const width = tileVectors * 16 / bytes;
  const pays = (step: number, tiles: number) => deep * step > inPlaceBytes && tiles >= manyTiles;
  const packsA = aStep !== bytes && (aRow !== bytes || pays(aStep, b.free / width));
  const packsB = !rowsContiguous || pays(bStep, a.free / tileRows);
  const panels = (extent: number, each: number) => Math.ceil(extent / each) * each * deep * bytes;
  const packedB = cutTileBytes + panels(packsA ? Math.min(a.free, blockRows) : tileRows, tileRows);
  return {
    scratchBytes: packedB + panels(packsB ? Math.min(b.free, blockColumns) : width, width),
    // deno-fmt-ignore
    run({ blocks }, out, x, y, scratch, rows, columns) {
      blocks(
        out, outRow, x, aRow, aStep, y, bStep, bColumn, rows, columns, depth,
        scratch, scratch + packedB, packsA ? 1 : 0, packsB ? 1 : 0, 0,
      );
    },
  };
}
