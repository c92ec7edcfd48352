import { DifferentiationError, DTypeError } from "../core/errors.ts";
import { formatSpec } from "../core/shape.ts";
import type { PrimitiveTable } from "../tracing/primitive.ts";
import { broadcastTo, concat, customKernel, numberLike, reshape, slice } from "./calls.ts";

function noDerivative(name: string): never {
  throw new DifferentiationError(
    "customKernel",
    `${name} has no derivative; give it one with the option backward, or keep gradients away from its ` +
      `inputs by stopGradient`,
  );
}

/** A user's function for each element. */
export const customKernelPrimitives: Pick<PrimitiveTable, "customKernel"> = {
  customKernel: {
    infer({ shape }, ...inputs) {
      for (const input of inputs) {
        if (input.dtype !== "float32") {
          throw new DTypeError(
            "customKernel",
            `cannot take ${formatSpec(input)}; expected float32`,
          );
        }
      }
      return { shape, dtype: "float32" };
    },
    jvp: ({ name }) => noDerivative(name),
    vjp: ({ name }) => noDerivative(name),
    // Once for each example: a kernel has three axes at most, none to spare for a batch.
    batch(params, operands, batched, size) {
      const { shape } = params;
      if (size === 0) return broadcastTo(numberLike(0, operands[0]!), [0, ...shape]);
      const results = Array.from({ length: size }, (_, example) => {
        const inputs = operands.map((operand, i) => {
          if (!batched[i]) return operand;
          const [, ...rest] = operand.shape;
          const start = [example, ...rest.map(() => 0)];
          return reshape(slice(operand, start, [example + 1, ...rest]), rest);
        });
        return reshape(customKernel(inputs, params), [1, ...shape]);
      });
      return concat(results, 0);
    },
  },
};
