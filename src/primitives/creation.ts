import { DTypeError, ShapeError } from "../core/errors.ts";
import { broadcastShapes, formatSpec } from "../core/shape.ts";
import type { PrimitiveTable } from "../tracing/primitive.ts";
import { alignBatched } from "./batching.ts";
import { threefry2x32 } from "./calls.ts";

const noOperands = (): never => {
  throw new Error("a primitive without operands has nothing to batch");
};

/** Primitives that make elements out of nothing, or out of a key. */
export const creationPrimitives: Pick<PrimitiveTable, "iota" | "full" | "threefry2x32"> = {
  iota: { infer: ({ shape, dtype }) => ({ shape, dtype }), batch: noOperands },
  full: { infer: ({ shape, dtype }) => ({ shape, dtype }), batch: noOperands },
  threefry2x32: {
    infer(_params, key, counter) {
      for (const operand of [key, counter]) {
        if (operand.dtype !== "uint32") {
          throw new DTypeError(
            "threefry2x32",
            `cannot take ${formatSpec(operand)}; expected uint32`,
          );
        }
        if (operand.shape.at(-1) !== 2) {
          throw new ShapeError(
            "threefry2x32",
            `cannot take ${formatSpec(operand)}; expected a last axis of 2 words`,
          );
        }
      }
      return { shape: broadcastShapes("threefry2x32", key.shape, counter.shape), dtype: "uint32" };
    },
    batch(_params, operands, batched) {
      const [key, counter] = alignBatched(operands, batched);
      return threefry2x32(key!, counter!);
    },
  },
};
