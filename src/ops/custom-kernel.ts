import { DTypeError, KernelError, OptionError, ShapeError } from "../core/errors.ts";
import { checkShape, formatShape, formatSpec, type Shape } from "../core/shape.ts";
import { kernelError } from "../graph/dialect/excerpt.ts";
import {
  type KernelFunction,
  type KernelThis,
  rememberKernel,
} from "../graph/dialect/functions.ts";
import { parseKernel } from "../graph/dialect/parse.ts";
import type { None } from "../graph/instruction-set.ts";
import { customKernel as apply } from "../primitives/mod.ts";
import type { Tensor, TensorLike } from "../tensor/tensor.ts";
import { callCustom } from "../tracing/call-custom.ts";
import { flattenCotangents } from "../tracing/cotangents.ts";
import type { CustomCall } from "../tracing/custom-call.ts";
import { describe } from "../tree/tree.ts";
import { toTensor } from "./promote.ts";

/** An input of a kernel: a float32 tensor of this number of axes. */
export interface KernelInput {
  /** 0 for a number, to 3. */
  readonly rank: 0 | 1 | 2 | 3;
}

/** What the function of a kernel sees of an input: a number, or rows of them. */
export type KernelValue<Rank> = Rank extends 3 ? KernelRows<KernelRows<KernelRows<number>>>
  : Rank extends 2 ? KernelRows<KernelRows<number>>
  : Rank extends 1 ? KernelRows<number>
  : number;

/** What can be indexed in a kernel. */
export interface KernelRows<Element> {
  /** Elements, or rows of them; NaN or a `KernelError` outside of the extent on the CPU, anything on a GPU. */
  readonly [index: number]: Element;
  /** The extent. */
  readonly length: number;
}

/** The shape of an input with this number of axes. */
export type KernelShape<Rank> = Rank extends 3 ? readonly [number, number, number]
  : Rank extends 2 ? readonly [number, number]
  : Rank extends 1 ? readonly [number]
  : readonly [];

/** `KernelValue` of each input. */
export type KernelValues<Inputs extends readonly KernelInput[]> = {
  readonly [Position in keyof Inputs]: KernelValue<Inputs[Position]["rank"]>;
};

/** `KernelShape` of each input. */
export type KernelShapes<Inputs extends readonly KernelInput[]> = {
  readonly [Position in keyof Inputs]: KernelShape<Inputs[Position]["rank"]>;
};

/** A tensor for each input. */
export type KernelTensors<Inputs extends readonly KernelInput[]> = {
  readonly [Position in keyof Inputs]: Tensor;
};

/** What is given for each input: a tensor, or a number where it has no axes. */
export type KernelArguments<Inputs extends readonly KernelInput[]> = {
  readonly [Position in keyof Inputs]: Inputs[Position]["rank"] extends 0 ? TensorLike : Tensor;
};

/** The cotangent of each input; null means zero. */
export type KernelCotangents<Inputs extends readonly KernelInput[]> = {
  readonly [Position in keyof Inputs]: Tensor | null;
};

/** What a kernel takes and gives. */
export interface CustomKernelOptions<
  Inputs extends readonly KernelInput[],
  Constants extends Readonly<Record<string, number>>,
> {
  /** The inputs, in the order of the function's parameters. */
  readonly inputs: Inputs;
  /** The shape of the result, of up to three axes, or how it follows from the shapes of the inputs. */
  readonly output: Shape | ((...shapes: KernelShapes<Inputs>) => Shape);
  /** Finite numbers that the function reads as `this.constants.name`. */
  readonly constants?: Constants;
  /** What messages and `explain` call it; the name of the function by default. */
  readonly name?: string;
  /**
   * The derivative: the cotangent of each input in an array (null means zero), given that of the result. It is
   * written with operations, other kernels included.
   */
  readonly backward?: (
    cotangent: Tensor,
    inputs: KernelTensors<Inputs>,
    output: Tensor,
  ) => KernelCotangents<Inputs>;
}

/**
 * Makes an operation of a JavaScript function that computes one element of the result: by gpu.js on a GPU, and as it
 * stands on the CPU. It works in `jit`, in `vmap` (once for each example) and, with `backward`, under `grad`.
 *
 * The function is written in gpu.js's dialect: `function (x, y) { ... }` that returns a number, with variables, `if`,
 * loops, `Math`, and nothing from outside. It reads its inputs by index, `x[this.thread.y][this.thread.x]`, and their
 * extents as `x.length` and `x[0].length`. `this.thread.x` is the position along the last axis of the result, `.y` and
 * `.z` along those before; `this.output` has their extents. Each element is rounded to float32; on the way the CPU
 * computes in float64 and a GPU in float32.
 *
 * @param f The function. Its text is what counts: equal texts with equal constants are one kernel.
 * @param options What it takes and gives.
 * @throws {KernelError} if the function is not in the dialect; the message shows the line. Also if it fails.
 * @throws {OptionError} if inputs, constants or the number of arguments are wrong.
 * @throws {DTypeError} if an input is not float32.
 * @throws {ShapeError} if an input or the result has another number of axes than was said.
 * @throws {TreeError} if `backward` gives something else than a tensor or null for each input.
 * @throws {DifferentiationError} if a derivative is asked for and there is no `backward`, or by `jvp`.
 *
 * @example
 * ```ts
 * import { customKernel, grad, mul, sum, type Tensor, tensor } from "softstep";
 *
 * const scale = customKernel(
 *   function (x, k) {
 *     return x[this.thread.x]! * k * this.constants.two;
 *   },
 *   {
 *     inputs: [{ rank: 1 }, { rank: 0 }],
 *     output: (x) => x,
 *     constants: { two: 2 },
 *     backward: (cotangent, [, k]) => [mul(cotangent, k).mul(2), null],
 *   },
 * );
 * const x = tensor([1, 2, 3]);
 * console.log(scale(x, 10).toArray()); // => [ 20, 40, 60 ]
 * console.log(grad((x: Tensor) => sum(scale(x, 10)))(x).toArray()); // => [ 20, 20, 20 ]
 * ```
 */
export function customKernel<
  const Inputs extends readonly KernelInput[],
  Constants extends Readonly<Record<string, number>> = None,
>(
  f: (this: KernelThis<Constants>, ...inputs: KernelValues<Inputs>) => number,
  options: CustomKernelOptions<Inputs, Constants>,
): (...inputs: KernelArguments<Inputs>) => Tensor {
  const name = options.name ?? (f.name || "a kernel");
  const ranks = ranksOf(name, options.inputs);
  const constants = constantsOf(name, options.constants ?? {});
  const source = sourceOf(name, f);
  for (const item of parseKernel(name, source, ranks).items) {
    if (item.kind !== "constant" || constants.some(([known]) => known === item.name)) continue;
    const known = constants.map(([known]) => known).join(", ") || "none";
    const message = `there is no constant ${item.name}; expected one of those given: ${known}`;
    throw kernelError(name, source, item.start, message);
  }
  rememberKernel(source, f as unknown as KernelFunction);

  return (...given) => {
    const tensors = checkInputs(name, ranks, given);
    const shape = shapeOf(name, options.output, tensors);
    const run = (inputs: readonly Tensor[]): Tensor =>
      apply(inputs, { name, shape, constants, source });
    const { backward } = options;
    if (backward === undefined) return run(tensors);

    const call: CustomCall = {
      functionName: "customKernel",
      name,
      apply: (inputs) => [run(inputs)],
      forward(inputs) {
        // With its rule, so that what `backward` does with it can be differentiated again.
        const [output] = callCustom(call, inputs);
        return {
          outputs: [output!],
          residuals: [...inputs, output!],
          backward(residuals, [cotangent]) {
            const inputs = residuals.slice(0, -1);
            const given: unknown = backward(
              cotangent!,
              inputs as unknown as KernelTensors<Inputs>,
              residuals.at(-1)!,
            );
            const parts = inputs.map((input) =>
              ({ structure: { kind: "leaf" }, leaves: [input] }) as const
            );
            return flattenCotangents("customKernel", `backward of ${name}`, "input", given, parts);
          },
        };
      },
    };
    return callCustom(call, tensors)[0]!;
  };
}

function ranksOf(name: string, inputs: readonly KernelInput[]): number[] {
  if (!Array.isArray(inputs)) {
    throw new OptionError(
      "customKernel",
      `inputs of ${name} is ${describe(inputs)}; expected an array, as [{ rank: 1 }]`,
    );
  }
  return inputs.map((input: KernelInput, i) => {
    const rank = input?.rank;
    if (![0, 1, 2, 3].includes(rank)) {
      throw new OptionError(
        "customKernel",
        `the rank of input ${i} of ${name} is ${rank}; expected 0, 1, 2 or 3`,
      );
    }
    return rank;
  });
}

/** The constants in an order that does not depend on how they were written. */
function constantsOf(
  name: string,
  constants: Readonly<Record<string, number>>,
): (readonly [string, number])[] {
  const entries = Object.entries(constants).sort(([a], [b]) => a < b ? -1 : 1);
  for (const [constant, value] of entries) {
    if (typeof value !== "number" || !Number.isFinite(value)) {
      throw new OptionError(
        "customKernel",
        `the constant ${constant} of ${name} is ${describe(value)}; expected a finite number`,
      );
    }
  }
  return entries;
}

function sourceOf(name: string, f: unknown): string {
  if (typeof f !== "function") {
    throw new KernelError("customKernel", `${name} is ${describe(f)}; expected a function`);
  }
  return Function.prototype.toString.call(f);
}

function checkInputs(
  name: string,
  ranks: readonly number[],
  given: readonly TensorLike[],
): Tensor[] {
  if (given.length !== ranks.length) {
    throw new OptionError(
      "customKernel",
      `${name} is given ${given.length} inputs; expected ${ranks.length}`,
    );
  }
  return given.map((each, i) => {
    const tensor = toTensor("customKernel", each);
    const found = `input ${i} of ${name} is ${formatSpec(tensor)}`;
    if (tensor.dtype !== "float32") {
      throw new DTypeError(
        "customKernel",
        `${found}; expected float32: cast it, as cast(x, "float32")`,
      );
    }
    if (tensor.rank !== ranks[i]) {
      throw new ShapeError("customKernel", `${found}; expected rank ${ranks[i]}`);
    }
    return tensor;
  });
}

function shapeOf<Inputs extends readonly KernelInput[]>(
  name: string,
  output: CustomKernelOptions<Inputs, None>["output"],
  inputs: readonly Tensor[],
): Shape {
  const shape = typeof output === "function"
    ? output(...inputs.map(({ shape }) => shape) as unknown as KernelShapes<Inputs>)
    : output;
  checkShape("customKernel", shape);
  if (shape.length > 3) {
    throw new ShapeError(
      "customKernel",
      `the result of ${name} is ${formatShape(shape)}; expected up to three axes`,
    );
  }
  return [...shape];
}
