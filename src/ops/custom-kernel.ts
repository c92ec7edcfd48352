import type { DeviceName } from "../backend/registry.ts";
import { DTypeError, KernelError, OptionError, ShapeError } from "../core/errors.ts";
import { checkKnown } from "../core/options.ts";
import { checkShape, formatShape, formatSpec, type Shape } from "../core/shape.ts";
import { describe, isPlainObject } from "../core/value-kinds.ts";
import {
  type KernelFunction,
  type KernelThis,
  rememberKernel,
} from "../graph/dialect/functions.ts";
import { parseKernel } from "../graph/dialect/parse.ts";
import { readKernel } from "../graph/dialect/read.ts";
import type { None } from "../graph/instruction-set.ts";
import { customKernel as apply } from "../primitives/mod.ts";
import type { Tensor, TensorLike } from "../tensor/tensor.ts";
import { callCustom } from "../tracing/call-custom.ts";
import { flattenCotangents } from "../tracing/cotangents.ts";
import type { CustomCall } from "../tracing/custom-call.ts";
import { newTensor, placeFor } from "./new-tensor.ts";
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
  /** Elements, or rows of them; NaN, or a row of it, at an index that is no whole number below the extent. */
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
   * Where a kernel without inputs computes, as `device` names it; "cpu" by default. Inside `jit` that is the device of
   * the program, and that of all others is the one of their inputs.
   */
  readonly device?: DeviceName;
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
 * stands on the CPU. It works in `jit`, in `vmap` (once for each example: an axis of its own for them is faster) and,
 * with `backward`, under `grad`.
 *
 * The function is written in gpu.js's dialect: `function (x, y) { ... }` that returns a number, with variables, `if`,
 * loops, `Math`, `isNaN`, `isFinite`, and nothing from outside. It reads its inputs by index,
 * `x[this.thread.y][this.thread.x]`, and their extents as `x.length` and `x[0].length`. `this.thread.x` is the position
 * along the last axis of the result, `.y` and `.z` along those before; `this.output` has their extents. An index that is
 * no whole number from 0 to below the extent gives NaN, and so do further indices of it; a row that is missing has the
 * length of those that are not.
 *
 * Each element is rounded to float32. On the way the CPU computes in float64 and a GPU in float32, where numbers are
 * rounded, become infinite beyond 3.4e38, and are exact as whole numbers up to 2^24. All else is as in JavaScript
 * everywhere: NaN and infinities and what is compared with them, `%`, and operators on bits, of which only the last
 * result of several is rounded. Subnormal numbers may be zeros on a GPU, and zeros may lose their sign. What devices
 * limit is refused when the kernel is made: 25 blocks in each other, sums of 400 terms and other expressions of some 30
 * operators in each other. Mesa's software GPU leaves loops after 65,535 turns in all.
 *
 * @param f The function. Its text is what counts: equal texts with equal constants are one kernel.
 * @param options What it takes and gives. `output` gets copies of the shapes.
 * @throws {KernelError} if the function is not in the dialect; the message shows the line. When it is called, if gpu.js
 * does not compile it.
 * @throws {DeviceError} when it is called on a GPU where gpu.js is missing; and on WebGPU if an extent of an input or of
 * the result is above 2^24, a result of several axes has one above eight times the device's limit of workgroups (usually
 * 524,280; z 65,535), or tensors are more, or larger, than the device binds. The modes of gpu.js compute large ones on
 * the CPU.
 * @throws {OptionError} if an option is unknown or wrong, or the number of arguments.
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
  const name = checkOptions(f, options);
  const ranks = ranksOf(name, options.inputs);
  const constants = constantsOf(name, options.constants);
  const { output, backward, device } = options;
  if (device !== undefined && ranks.length > 0) {
    throw new OptionError(
      "customKernel",
      `device is ${describe(device)}, but ${name} has inputs: it computes where they are`,
    );
  }
  const source = sourceOf(name, f);
  parseKernel(name, source, ranks, constants.map(([constant]) => constant));
  rememberKernel(source, {
    f: f as unknown as KernelFunction,
    read: (shapes) => readKernel(source, shapes),
  });

  return (...given) => {
    const tensors = checkInputs(name, ranks, given);
    const shape = shapeOf(name, output, tensors);
    const params = { name, shape, constants, source };
    const run = (inputs: readonly Tensor[]): Tensor =>
      inputs.length > 0
        ? apply(inputs, params)
        : newTensor("customKernel", "customKernel", params, "float32", placeFor(device));
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

const knownOptions = ["inputs", "output", "constants", "name", "device", "backward"];

/** Refuses what makes no sense, and gives the name of the kernel. */
function checkOptions(f: unknown, options: unknown): string {
  if (typeof options !== "object" || options === null) {
    throw optionError(
      "options",
      options,
      "an object, as { inputs: [{ rank: 1 }], output: (x) => x }",
    );
  }
  checkKnown("customKernel", options, knownOptions);
  const { name, output, backward } = options as Record<string, unknown>;
  if (name !== undefined && (typeof name !== "string" || name === "")) {
    throw optionError("name", name, "a string with letters in it");
  }
  const known = name ?? ((typeof f === "function" && String(f.name).trim()) || "a kernel");
  if (Array.isArray(output)) checkOutput(known, output);
  else if (typeof output !== "function") {
    throw optionError(`output of ${known}`, output, "a shape, or a function that gives it");
  }
  if (backward !== undefined && typeof backward !== "function") {
    throw optionError(`backward of ${known}`, backward, "a function");
  }
  return known;
}

function optionError(what: string, value: unknown, expected: string): OptionError {
  return new OptionError("customKernel", `${what} is ${describe(value)}; expected ${expected}`);
}

function ranksOf(name: string, inputs: unknown): number[] {
  if (!Array.isArray(inputs)) {
    throw optionError(`inputs of ${name}`, inputs, "an array, as [{ rank: 1 }]");
  }
  // Of an array with holes too.
  return Array.from(inputs, (input: unknown, i) => {
    const which = `input ${i} of ${name}`;
    if (!isPlainObject(input)) throw optionError(which, input, "an object, as { rank: 1 }");
    checkKnown("customKernel", input, ["rank"], ` of ${which}`);
    const { rank } = input;
    if (rank !== 0 && rank !== 1 && rank !== 2 && rank !== 3) {
      throw optionError(`the rank of ${which}`, rank, "0, 1, 2 or 3");
    }
    return rank;
  });
}

/** The constants in an order that does not depend on how they were written. */
function constantsOf(name: string, constants: unknown = {}): (readonly [string, number])[] {
  if (!isPlainObject(constants)) {
    throw optionError(`constants of ${name}`, constants, "an object of numbers");
  }
  const entries = Object.entries(constants).sort(([a], [b]) => a < b ? -1 : 1);
  return entries.map(([constant, value]) => {
    if (typeof value !== "number" || !Number.isFinite(value)) {
      throw optionError(`the constant ${constant} of ${name}`, value, "a finite number");
    }
    return [constant, value];
  });
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
    // Copies, so that nobody gives a tensor another shape.
    ? output(...inputs.map(({ shape }) => [...shape]) as unknown as KernelShapes<Inputs>)
    : output;
  checkOutput(name, shape);
  return [...shape];
}

function checkOutput(name: string, shape: Shape): void {
  checkShape("customKernel", shape);
  if (shape.length <= 3) return;
  throw new ShapeError(
    "customKernel",
    `the result of ${name} is ${formatShape(shape)}; expected up to three axes`,
  );
}
