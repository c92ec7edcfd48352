import { Tensor, type TensorMethods } from "../tensor/tensor.ts";
import { add, div, mul, neg, pow, sub } from "./arithmetic.ts";
import { equal, greater, greaterEqual, less, lessEqual, notEqual } from "./comparison.ts";
import { matmul } from "./linear-algebra.ts";
import { max, mean, min, sum } from "./reductions.ts";
import { cast, reshape, transpose } from "./shaping.ts";

const functions = {
  add,
  sub,
  mul,
  div,
  pow,
  neg,
  equal,
  notEqual,
  less,
  lessEqual,
  greater,
  greaterEqual,
  matmul,
  reshape,
  transpose,
  cast,
  sum,
  mean,
  max,
  min,
} satisfies {
  [Name in keyof TensorMethods]: (x: Tensor, ...rest: Parameters<TensorMethods[Name]>) => Tensor;
};

// What console.log shows in Deno, Bun and Node.
Object.defineProperty(Tensor.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: Tensor) {
    return this.toString();
  },
});

// Methods only delegate; they are put on the prototype here because tensors lie below operations.
for (const [name, f] of Object.entries(functions)) {
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...rest: never[]) {
      return (f as (x: Tensor, ...rest: never[]) => Tensor)(this, ...rest);
    },
    configurable: true,
    writable: true,
  });
}
