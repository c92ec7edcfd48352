import { ShapeError } from "../core/errors.ts";
import { inNameOf } from "../core/in-name-of.ts";
import { checkKnown } from "../core/options.ts";
import { formatShape } from "../core/shape.ts";
import { describe } from "../core/value-kinds.ts";
import { conv as convolve, reshape, transpose } from "../primitives/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkTensor, promoteNumbers } from "./promote.ts";

/** How the window of a convolution moves. One number stands for all spatial axes. */
export interface ConvOptions {
  /** Steps from one position of the window to the next; 1 by default. */
  readonly stride?: number | readonly number[];
  /**
   * Zeros around x: "valid" (none, the default); "same" (so many that there are ceil(extent / stride) positions, the
   * odd one at the end); a number; or for each axis a number or [before, after].
   */
  readonly padding?: "same" | "valid" | number | readonly (number | readonly [number, number])[];
  /** Distance of neighbouring elements of the window; 1 by default. */
  readonly dilation?: number | readonly number[];
  /** Groups of channels that do not see each other; 1 by default. */
  readonly groups?: number;
}

/**
 * Convolution as neural networks have it (cross-correlation: the window is not reversed) over any number of spatial
 * axes, channels last: x `[batch, ...spatial, in]` and w `[...window, in / groups, out]` give
 * `[batch, ...positions, out]`.
 *
 * Padding counts as zeros that are multiplied like any other element. Differentiable in x and w.
 *
 * @throws {ShapeError} if shapes do not fit each other or the options, or the window is larger than the padded x.
 * @throws {DTypeError} if there is no common dtype, or it is not float32, float64 or int32.
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { conv, tensor } from "softstep";
 *
 * const x = tensor([[[1], [2], [4], [8]]]); // [batch 1, length 4, channels 1]
 * const w = tensor([[[-1]], [[1]]]); // [window 2, in 1, out 1]
 * console.log(conv(x, w).toArray()); // => [ [ [ 1 ], [ 2 ], [ 4 ] ] ]
 * console.log(conv(x, w, { stride: 2 }).shape); // => [ 1, 2, 1 ]
 * ```
 */
export function conv(x: Tensor, w: Tensor, options: ConvOptions = {}): Tensor {
  return convolution("conv", x, w, options);
}

/**
 * Convolution of images, as `conv`: x `[batch, height, width, in]` and w `[height, width, in / groups, out]` give
 * `[batch, height, width, out]`.
 *
 * @throws {ShapeError} if shapes do not fit each other or the options, or the window is larger than the padded x.
 * @throws {DTypeError} if there is no common dtype, or it is not float32, float64 or int32.
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { conv2d, ones } from "softstep";
 *
 * const images = ones([8, 28, 28, 1]);
 * const filters = ones([3, 3, 1, 16]);
 * console.log(conv2d(images, filters).shape); // => [ 8, 26, 26, 16 ]
 * console.log(conv2d(images, filters, { padding: "same", stride: 2 }).shape); // => [ 8, 14, 14, 16 ]
 * ```
 */
export function conv2d(x: Tensor, w: Tensor, options: ConvOptions = {}): Tensor {
  checkTensor("conv2d", x);
  checkTensor("conv2d", w);
  if (x.rank !== 4 || w.rank !== 4) {
    throw new ShapeError(
      "conv2d",
      `cannot take ${formatShape(x.shape)} and ${formatShape(w.shape)}; expected ` +
        `[batch, height, width, in] and [height, width, in / groups, out]`,
    );
  }
  return convolution("conv2d", x, w, options);
}

function convolution(name: string, a: Tensor, b: Tensor, options: ConvOptions): Tensor {
  checkTensor(name, a);
  checkTensor(name, b);
  const [x, w] = promoteNumbers(name, a, b) as [Tensor, Tensor];
  checkKnown(name, options, ["stride", "padding", "dilation", "groups"]);
  const { stride: steps = 1, padding: border = "valid", dilation = 1, groups = 1 } = options;
  const axes = x.rank - 2;
  if (axes < 1 || w.rank !== x.rank) {
    throw new ShapeError(
      name,
      `cannot take ${formatShape(x.shape)} and ${formatShape(w.shape)}; expected ` +
        `[batch, ...spatial, in] and [...window, in / groups, out]`,
    );
  }
  const [input, window] = [x.shape.slice(1, -1), w.shape.slice(0, -2)];
  const [channels, inner, outputs] = [x.shape.at(-1)!, w.shape.at(-2)!, w.shape.at(-1)!];
  checkWhole(name, "groups", groups, 1);
  if (channels !== inner * groups || outputs % groups !== 0) {
    throw new ShapeError(
      name,
      `x has ${channels} channels and w ${inner} (and ${outputs} of the result) for ${groups} ` +
        `group${groups === 1 ? "" : "s"}; expected ${groups === 1 ? "as many" : "as many in all"}`,
    );
  }
  const stride = perAxis(name, "stride", steps, axes);
  const kernelDilation = perAxis(name, "dilation", dilation, axes);
  const span = window.map((extent, axis) => (extent - 1) * kernelDilation[axis]! + 1);
  const padding = paddingOf(name, border, { input, stride, span });
  const padded = input.map((extent, axis) => extent + padding[axis]![0] + padding[axis]![1]);
  if (span.some((extent, axis) => extent < 1 || extent > padded[axis]!)) {
    throw new ShapeError(
      name,
      `a window of ${formatShape(window)} (${formatShape(span)} with its dilation) does not fit ` +
        `into ${formatShape(padded)}, x and its padding; expected a window of 1 element or more ` +
        `along each axis, and no larger`,
    );
  }
  const params = {
    stride,
    low: padding.map(([low]) => low),
    high: padding.map(([, high]) => high),
    inputDilation: input.map(() => 1),
    kernelDilation,
  };
  return inNameOf(
    name,
    () => joinChannels(convolve(splitChannels(x, groups), splitChannels(w, groups), params)),
  );
}

/** Groups of the last axis, as the first. */
function splitChannels(x: Tensor, groups: number): Tensor {
  if (groups === 1) return reshape(x, [1, ...x.shape]);
  const last = x.rank - 1;
  const split = reshape(x, [...x.shape.slice(0, last), groups, x.shape[last]! / groups]);
  const others = x.shape.slice(0, last).map((_, axis) => axis);
  return transpose(split, [last, ...others, last + 1]);
}

/** The first axis, groups, and the last, channels, as the last. */
function joinChannels(x: Tensor): Tensor {
  const [groups, ...rest] = x.shape;
  const each = rest.pop()!;
  const others = rest.map((_, axis) => axis + 1);
  const moved = groups === 1 ? x : transpose(x, [...others, 0, x.rank - 1]);
  return reshape(moved, [...rest, groups! * each]);
}

function checkWhole(name: string, option: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new ShapeError(
      name,
      `${option} is ${describe(value)}; expected a whole number of ${least} or more`,
    );
  }
}

function perAxis(
  name: string,
  option: string,
  given: number | readonly number[],
  axes: number,
): readonly number[] {
  const values = typeof given === "number" ? new Array<number>(axes).fill(given) : given;
  if (!Array.isArray(values)) {
    throw new ShapeError(
      name,
      `${option} is ${describe(given)}; expected a number, or one a spatial axis`,
    );
  }
  checkLength(name, option, values.length, axes);
  for (const value of values) checkWhole(name, option, value, 1);
  return values;
}

function checkLength(name: string, option: string, count: number, axes: number): void {
  if (count === axes) return;
  throw new ShapeError(
    name,
    `${option} has ${count} entries; expected one for each of ${axes} spatial axes`,
  );
}

function paddingOf(
  name: string,
  padding: NonNullable<ConvOptions["padding"]>,
  { input, stride, span }: Record<"input" | "stride" | "span", readonly number[]>,
): readonly (readonly [number, number])[] {
  if (padding === "valid") return input.map(() => [0, 0]);
  if (padding === "same") {
    return input.map((extent, axis) => {
      const positions = Math.ceil(extent / stride[axis]!);
      const total = Math.max(0, (positions - 1) * stride[axis]! + span[axis]! - extent);
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    });
  }
  const given = typeof padding === "number" ? input.map(() => padding) : padding;
  if (!Array.isArray(given)) {
    throw new ShapeError(
      name,
      `padding is ${describe(given)}; expected "same", "valid", a number, or one a spatial axis`,
    );
  }
  checkLength(name, "padding", given.length, input.length);
  return given.map((each: number | readonly [number, number]) => {
    const pair = Array.isArray(each) && each.length === 2 ? each : [each, each];
    for (const value of pair) checkWhole(name, "padding", value, 0);
    return pair as [number, number];
  });
}
