import { backendOf, checkDeviceDType, type DeviceName } from "../backend/registry.ts";
import {
  allocate,
  checkDType,
  type DType,
  dtypeOfArray,
  toBFloat16Bits,
  type TypedArray,
} from "../core/dtype.ts";
import { DTypeError, OptionError, ShapeError } from "../core/errors.ts";
import { checkCount, checkKnown } from "../core/options.ts";
import { checkShape, formatShape, type Shape, sizeOf } from "../core/shape.ts";
import { describe } from "../core/value-kinds.ts";
import type { PrimitiveParams } from "../graph/instruction-set.ts";
import { bufferStorage } from "../tensor/storage.ts";
import { roundTo, scalarTensor } from "../tensor/scalar.ts";
import { Tensor } from "../tensor/tensor.ts";
import { defaultDevice, placeOf } from "../tracing/placement.ts";
import { currentStaging } from "../tracing/trace.ts";
import { newTensor, placeFor } from "./new-tensor.ts";
import { checkTensor } from "./promote.ts";

/** What a new tensor is made of, and where. */
export interface CreationOptions {
  /** The element type; float32 by default. */
  readonly dtype?: DType;
  /** The device, as `device` names it; "cpu" by default. Inside `jit` the device of the program. */
  readonly device?: DeviceName;
}

/** A number, a boolean, or nested arrays of them. */
export type TensorData = number | boolean | readonly TensorData[];

/** Typed arrays that `tensor` copies. */
export type ArrayData =
  | TypedArray
  | Int8Array
  | Uint8ClampedArray
  | Int16Array;

/**
 * A tensor of the given elements: a number, a boolean, nested arrays, or a typed array (with its `shape`; it
 * is copied). Without `dtype` numbers become float32, booleans bool, a `Float64Array` float64, a
 * `Float16Array` float32, an `Int32Array` int32, a `Uint32Array` uint32, and arrays of smaller integers int32. A `Uint16Array` with dtype
 * bfloat16 holds its bits, as `data()` gives them.
 *
 * @throws {ShapeError} if nested arrays have unequal lengths, or the shape does not fit the number of elements.
 * @throws {DTypeError} if an element is no number, or the dtype cannot hold it (a fraction or NaN as int32).
 * @throws {DTypeError} if the device does not have the dtype.
 * @throws {DeviceError} if the device is unknown.
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { tensor } from "softstep";
 *
 * console.log(tensor([[1, 2], [3, 4]]).shape); // => [ 2, 2 ]
 * console.log(tensor([1, 2], { dtype: "int32" }).dtype); // => int32
 * console.log(tensor(new Float64Array(6), { shape: [2, 3] }).toString());
 * // => Tensor float64[2, 3] [[0, 0, 0], [0, 0, 0]]
 * ```
 */
export function tensor(
  data: TensorData | ArrayData,
  options: CreationOptions & { readonly shape?: Shape } = {},
): Tensor {
  checkKnown("tensor", options, ["dtype", "device", "shape"]);
  const place = placeFor(options.device);
  const device = place === undefined ? defaultDevice : place;
  if (options.dtype !== undefined) checkDType("tensor", options.dtype);
  if (typeof data === "number" || typeof data === "boolean") {
    const dtype = options.dtype ?? (typeof data === "boolean" ? "bool" : "float32");
    if (options.shape === undefined && dtype !== "bfloat16") {
      if (place !== undefined) checkDeviceDType("tensor", dtype, place);
      return scalarTensor("tensor", Number(data), dtype, device);
    }
  }
  if (data instanceof ArrayBuffer) {
    throw new DTypeError(
      "tensor",
      "data is an ArrayBuffer; expected an array that says what is in it",
    );
  }
  const { values, shape, natural } = ArrayBuffer.isView(data) ? readTyped(data) : readNested(data);
  const { shape: wanted = shape } = options;
  checkShape("tensor", wanted);
  if (sizeOf(wanted) !== values.length) {
    throw new ShapeError(
      "tensor",
      `${values.length} elements do not fill shape ${formatShape(wanted)}, which has ${
        sizeOf(wanted)
      }`,
    );
  }
  const dtype = options.dtype ?? natural;
  const isBits = dtype === "bfloat16" && data instanceof Uint16Array;
  checkDeviceDType("tensor", dtype, device);
  const elements = isBits ? data : encode(values, dtype, wanted);
  const buffer = backendOf("tensor", device).upload(elements);
  const unplaced = place === undefined && currentStaging() !== undefined;
  return new Tensor({ shape: [...wanted], dtype }, bufferStorage(device, buffer, unplaced));
}

interface Elements {
  readonly values: ArrayLike<number>;
  readonly shape: Shape;
  readonly natural: DType;
}

function readTyped(data: ArrayBufferView): Elements {
  const isBig = data instanceof BigInt64Array || data instanceof BigUint64Array;
  if (isBig || data instanceof DataView) {
    throw new DTypeError("tensor", `cannot take ${describe(data)}; expected numbers`);
  }
  const values = data as unknown as ArrayLike<number>;
  return { values, shape: [values.length], natural: dtypeOfArray(data) ?? "int32" };
}

function readNested(data: TensorData): Elements {
  const shape: number[] = [];
  for (let level: unknown = data; Array.isArray(level); level = level[0]) shape.push(level.length);
  const values: number[] = [];
  let booleans = 0;
  const visit = (node: unknown, axis: number, path: string): void => {
    if (axis < shape.length) {
      if (!Array.isArray(node) || node.length !== shape[axis]) {
        const found = Array.isArray(node) ? `${node.length} elements` : describe(node);
        throw new ShapeError("tensor", `data${path} is ${found}; expected ${shape[axis]} elements`);
      }
      // Not forEach, which would pass over holes.
      for (const [i, child] of node.entries()) visit(child, axis + 1, `${path}[${i}]`);
    } else if (typeof node === "number" || typeof node === "boolean") {
      if (typeof node === "boolean") booleans++;
      values.push(Number(node));
    } else if (Array.isArray(node)) {
      throw new ShapeError("tensor", `data${path} is an array; expected a number as before`);
    } else {
      throw new DTypeError(
        "tensor",
        `data${path} is ${describe(node)}; expected a number or boolean`,
      );
    }
  };
  visit(data, 0, "");
  if (booleans > 0 && booleans < values.length) {
    throw new DTypeError("tensor", "data mixes numbers and booleans; expected one kind");
  }
  return { values, shape, natural: booleans > 0 ? "bool" : "float32" };
}

function encode(values: ArrayLike<number>, dtype: DType, shape: Shape): TypedArray {
  const elements = allocate(dtype, values.length);
  const exact = dtype === "int32" || dtype === "uint32" || dtype === "bool";
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (exact) {
      try {
        elements[i] = roundTo("tensor", value, dtype);
      } catch {
        throw new DTypeError(
          "tensor",
          `element ${i} of shape ${formatShape(shape)} is ${value}, which is no ${dtype} value`,
        );
      }
    } else {
      elements[i] = dtype === "bfloat16" ? toBFloat16Bits(value) : value;
    }
  }
  return elements;
}

function readOptions(
  functionName: string,
  options: CreationOptions,
  natural: DType = "float32",
): { dtype: DType; device: DeviceName | undefined } {
  checkKnown(functionName, options, ["dtype", "device"]);
  const { dtype = natural, device } = options;
  return { dtype, device: placeFor(device) };
}

/** Makes elements out of nothing. */
function create<Name extends "full" | "iota">(
  functionName: string,
  name: Name,
  params: PrimitiveParams[Name],
  device: DeviceName | undefined,
): Tensor {
  checkShape(functionName, params.shape);
  checkDType(functionName, params.dtype);
  // The caller may change its array later.
  const own = { ...params, shape: [...params.shape] };
  return newTensor(functionName, name, own, params.dtype, device);
}

/**
 * One value everywhere.
 *
 * @throws {ShapeError} if the shape is not a list of whole numbers >= 0.
 * @throws {DTypeError} if the dtype cannot hold the value.
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { full } from "softstep";
 *
 * console.log(full([2, 2], 7).toArray()); // => [ [ 7, 7 ], [ 7, 7 ] ]
 * ```
 */
export function full(shape: Shape, value: number, options: CreationOptions = {}): Tensor {
  const { dtype, device } = readOptions("full", options);
  checkDType("full", dtype);
  if (typeof value !== "number") {
    throw new OptionError("full", `value is ${describe(value)}; expected a number`);
  }
  return create("full", "full", { shape, dtype, value: roundTo("full", value, dtype) }, device);
}

/**
 * Zeros (false for bool).
 *
 * @throws {ShapeError} if the shape is not a list of whole numbers >= 0.
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { zeros } from "softstep";
 *
 * console.log(zeros([3]).toArray()); // => [ 0, 0, 0 ]
 * ```
 */
export function zeros(shape: Shape, options: CreationOptions = {}): Tensor {
  const { dtype, device } = readOptions("zeros", options);
  return create("zeros", "full", { shape, dtype, value: 0 }, device);
}

/**
 * Ones (true for bool).
 *
 * @throws {ShapeError} if the shape is not a list of whole numbers >= 0.
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { ones } from "softstep";
 *
 * console.log(ones([2]).toArray()); // => [ 1, 1 ]
 * ```
 */
export function ones(shape: Shape, options: CreationOptions = {}): Tensor {
  const { dtype, device } = readOptions("ones", options);
  return create("ones", "full", { shape, dtype, value: 1 }, device);
}

/**
 * Zeros with the shape, dtype (unless given) and device of another tensor.
 *
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { tensor, zerosLike } from "softstep";
 *
 * console.log(zerosLike(tensor([1, 2])).toArray()); // => [ 0, 0 ]
 * ```
 */
export function zerosLike(x: Tensor, options: { readonly dtype?: DType } = {}): Tensor {
  checkTensor("zerosLike", x);
  checkKnown("zerosLike", options, ["dtype"]);
  const { dtype = x.dtype } = options;
  const params = { shape: x.shape, dtype, value: 0 };
  return create("zerosLike", "full", params, placeOf(x));
}

/**
 * Ones with the shape, dtype (unless given) and device of another tensor.
 *
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { onesLike, tensor } from "softstep";
 *
 * console.log(onesLike(tensor([5, 6])).toArray()); // => [ 1, 1 ]
 * ```
 */
export function onesLike(x: Tensor, options: { readonly dtype?: DType } = {}): Tensor {
  checkTensor("onesLike", x);
  checkKnown("onesLike", options, ["dtype"]);
  const { dtype = x.dtype } = options;
  const params = { shape: x.shape, dtype, value: 1 };
  return create("onesLike", "full", params, placeOf(x));
}

/**
 * 0, 1, ..., count - 1; int32 by default.
 *
 * @throws {OptionError} if the count is not a whole number >= 0, or an option is unknown.
 *
 * @example
 * ```ts
 * import { arange } from "softstep";
 *
 * console.log(arange(4).toArray()); // => [ 0, 1, 2, 3 ]
 * ```
 */
export function arange(count: number, options: CreationOptions = {}): Tensor {
  checkCount("arange", "count", count);
  const { dtype, device } = readOptions("arange", options, "int32");
  if (dtype === "bool" || dtype === "bfloat16") {
    throw new DTypeError("arange", `cannot count in ${dtype}; expected a numeric dtype`);
  }
  return create("arange", "iota", { shape: [count], dtype, axis: 0 }, device);
}
