import type { Arithmetic } from "./dot-arithmetic.ts";
import { addCutTile } from "./dot-cut-tile.ts";
import { addPack } from "./dot-pack.ts";
import { addTile, tileRows, tileVectors } from "./dot-tile.ts";
import { callEffect, type FuncRef, type Local, type ModuleBuilder } from "./module.ts";
import { i32, select } from "./opcodes.ts";
import type { Value } from "./value.ts";

type I32 = Value<"i32">;
type Variable = Local<"i32">;

const params = /* @__PURE__ */ new Array<"i32">(16).fill("i32");
// deno-fmt-ignore
type Params = [
  Variable, Variable, Variable, Variable, Variable, Variable, Variable, Variable, Variable, Variable, Variable,
  Variable, Variable, Variable, Variable, Variable,
];

/** Steps of the sum that a packed block holds: a panel of B stays in the first cache. */
export const blockDepth = 256;
/** Rows of A in a packed block: it stays in the second cache, beside B's. */
export const blockRows = 128;
/** Columns of B in a packed block. */
export const blockColumns = 512;
/** Sums shorter than this take all columns of one row of tiles before the next. */
const shortDepth = 32;
/** Bytes at the start of the scratch memory for one tile that is cut off by an edge. */
export const cutTileBytes = 128;

/**
 * The product of two matrices, `out[i, j] = sum over l of a[i, l] * b[l, j]`:
 * `(out, outRow, a, aRow, aStep, b, bStep, bColumn, rows, columns, depth, scratch, packedB, packsA, packsB, goesOn)`;
 * strides in bytes, columns of `out` are neighbours. With `goesOn` sums go on from what `out` holds.
 *
 * Every element is summed from zero in ascending `l`, whatever the blocks and tiles: the bits do not depend on them.
 * Blocks are copied into panels where `packsA` or `packsB` say so (to scratch + cutTileBytes and to packedB).
 * Otherwise tiles read the operand where it is: B's columns must be neighbours then, and A's rows or steps. What an
 * edge cuts off is packed in any case, filled up with zeros, and goes through the tile in scratch.
 */
export function addBlocks(module: ModuleBuilder, arithmetic: Arithmetic): FuncRef<undefined> {
  const { bytes, lanes } = arithmetic;
  const width = tileVectors * lanes;
  const tiles = {
    rows: [1, 2].map((vectors) => addTile(module, arithmetic, "rows", vectors)),
    panel: [1, 2].map((vectors) => addTile(module, arithmetic, "panel", vectors)),
  };
  const packA = addPack(module, arithmetic, tileRows);
  const packB = addPack(module, arithmetic, width);
  const cutTile = addCutTile(module, arithmetic, tiles);

  return module.func(params, undefined, (f, ...all) => {
    // deno-fmt-ignore
    const [
      out, outRow, a, aRow, aStep, b, bStep, bColumn, rows, columns, depth, scratch, packedB, packsA, packsB, goesOn,
    ] = all as unknown as Params;
    const zero = i32.const(0);
    const element = i32.const(bytes);
    const variable = (first: I32) => f.local("i32", first);
    const least = (x: I32, limit: I32) => {
      const rest = variable(x);
      return variable(select(i32.lt_u(rest, limit), rest, limit));
    };
    const each = (limit: I32, step: I32, body: (i: Variable) => void) => {
      const i = variable(zero);
      f.while(() => i32.lt_u(i, limit), () => {
        body(i);
        f.set(i, i32.add(i, step));
      });
    };

    const packedA = variable(i32.add(scratch, i32.const(cutTileBytes)));
    // A read in place has rows of neighbours; if not, its steps are neighbours and tiles see it as panels.
    const aInRows = variable(i32.and(i32.eqz(packsA), i32.eq(aStep, element)));
    const aTileStep = variable(i32.mul(aRow, i32.const(tileRows)));

    // With a short sum it is the result that must be walked as it lies in memory.
    const stripRows = variable(
      select(i32.lt_u(depth, i32.const(shortDepth)), i32.const(tileRows), i32.const(blockRows)),
    );

    each(columns, i32.const(blockColumns), (j0) => {
      const blockN = least(i32.sub(columns, j0), i32.const(blockColumns));
      const cutN = variable(i32.and(blockN, i32.const(width - 1)));
      const l0 = variable(zero);
      // At least once: a sum of nothing is zero.
      f.loop((nextDepth) => {
        const blockK = least(i32.sub(depth, l0), i32.const(blockDepth));
        const fromB = variable(
          i32.add(b, i32.add(i32.mul(j0, bColumn), i32.mul(l0, bStep))),
        );
        // Columns before this one are read in place.
        const packFromN = variable(select(packsB, zero, i32.sub(blockN, cutN)));
        f.do(callEffect(
          packB,
          packedB,
          i32.add(fromB, i32.mul(packFromN, bColumn)),
          bColumn,
          bStep,
          i32.sub(blockN, packFromN),
          blockK,
        ));

        each(rows, stripRows, (i0) => {
          const blockM = least(i32.sub(rows, i0), stripRows);
          const cutM = variable(i32.and(blockM, i32.const(tileRows - 1)));
          const fromA = variable(
            i32.add(a, i32.add(i32.mul(i0, aRow), i32.mul(l0, aStep))),
          );
          const packFromM = variable(select(packsA, zero, i32.sub(blockM, cutM)));
          f.do(callEffect(
            packA,
            packedA,
            i32.add(fromA, i32.mul(packFromM, aRow)),
            aRow,
            aStep,
            i32.sub(blockM, packFromM),
            blockK,
          ));

          each(blockN, i32.const(width), (j) => {
            const left = variable(i32.sub(blockN, j));
            const inPlaceB = i32.lt_u(j, packFromN);
            const tileB = variable(select(
              inPlaceB,
              i32.add(fromB, i32.mul(j, element)),
              i32.add(packedB, i32.mul(i32.mul(i32.sub(j, packFromN), blockK), element)),
            ));
            const tileBStep = variable(select(inPlaceB, bStep, i32.const(width * bytes)));
            const tileOut = variable(i32.add(
              out,
              i32.add(i32.mul(i0, outRow), i32.mul(i32.add(j0, j), element)),
            ));
            const tileA = variable(fromA);
            const panelA = variable(packedA);

            each(blockM, i32.const(tileRows), (i) => {
              const rowsLeft = variable(i32.sub(blockM, i));
              const inPlaceA = variable(i32.lt_u(i, packFromM));
              const inRows = variable(i32.and(inPlaceA, aInRows));
              const fromTileA = variable(select(inPlaceA, tileA, panelA));
              const stride = variable(select(
                inPlaceA,
                select(aInRows, aRow, aStep),
                i32.const(tileRows * bytes),
              ));
              const sums = [tileOut, outRow, i32.or(l0, goesOn)];
              const operands = [blockK, fromTileA, stride, tileB, tileBStep, ...sums];
              const whole = i32.and(
                i32.ge_u(rowsLeft, i32.const(tileRows)),
                i32.ge_u(left, i32.const(width)),
              );
              f.if(whole, () => {
                f.if(
                  inRows,
                  () => f.do(callEffect(tiles.rows[1]!, ...operands)),
                  () => f.do(callEffect(tiles.panel[1]!, ...operands)),
                );
              }, () => {
                f.do(callEffect(cutTile, ...operands, inRows, scratch, rowsLeft, left));
              });
              f.set(tileA, i32.add(tileA, aTileStep));
              f.if(
                i32.eqz(inPlaceA),
                () => f.set(panelA, i32.add(panelA, i32.mul(blockK, i32.const(tileRows * bytes)))),
              );
              f.set(tileOut, i32.add(tileOut, i32.mul(outRow, i32.const(tileRows))));
            });
          });
        });
        f.set(l0, i32.add(l0, i32.const(blockDepth)));
        f.brIf(i32.lt_u(l0, depth), nextDepth);
      });
    });
  });
}
