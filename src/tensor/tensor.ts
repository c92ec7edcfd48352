import { backendOf, type DeviceName } from "../backend/registry.ts";
import { type DType, fromBFloat16Bits, type TypedArray } from "../core/dtype.ts";
import { DeviceError, ShapeError, SoftstepError, TracedValueError } from "../core/errors.ts";
import { formatShape, formatSpec, type Shape, sizeOf, type TensorSpec } from "../core/shape.ts";
import { formatElements } from "./format.ts";
import { bufferOf, type Storage } from "./storage.ts";

/** What a tensor is while a transformation looks at it. */
export interface Traced {
  readonly kind: "traced";
  /** The transformation that is looking. */
  readonly trace: {
    readonly level: number;
    /** "grad", "jvp", "vmap" or "jit", for messages. */
    readonly transformation: string;
  };
  /** The tensor that it stands for, with a batch axis more under vmap; none while a graph is traced. */
  readonly underlying: Tensor | undefined;
  /** Whether the underlying tensor has this one's value: grad and jvp compute as they go. */
  readonly hasValue: boolean;
}

/**
 * The methods that delegate to functions of the same name; the operations install them, because a tensor
 * knows nothing of operations.
 */
export interface TensorMethods {
  /** `add(this, other)`. */
  add(other: TensorLike): Tensor;
  /** `sub(this, other)`. */
  sub(other: TensorLike): Tensor;
  /** `mul(this, other)`. */
  mul(other: TensorLike): Tensor;
  /** `div(this, other)`. */
  div(other: TensorLike): Tensor;
  /** `pow(this, exponent)`. */
  pow(exponent: TensorLike): Tensor;
  /** `neg(this)`. */
  neg(): Tensor;
  /** `equal(this, other)`. */
  equal(other: TensorLike): Tensor;
  /** `notEqual(this, other)`. */
  notEqual(other: TensorLike): Tensor;
  /** `less(this, other)`. */
  less(other: TensorLike): Tensor;
  /** `lessEqual(this, other)`. */
  lessEqual(other: TensorLike): Tensor;
  /** `greater(this, other)`. */
  greater(other: TensorLike): Tensor;
  /** `greaterEqual(this, other)`. */
  greaterEqual(other: TensorLike): Tensor;
  /** `matmul(this, other)`. */
  matmul(other: Tensor): Tensor;
  /** `reshape(this, shape)`. */
  reshape(shape: Shape): Tensor;
  /** `transpose(this, permutation)`. */
  transpose(permutation?: readonly number[]): Tensor;
  /** `cast(this, dtype)`. */
  cast(dtype: DType): Tensor;
  /** `sum(this, options)`. */
  sum(options?: ReduceOptions): Tensor;
  /** `mean(this, options)`. */
  mean(options?: ReduceOptions): Tensor;
  /** `max(this, options)`. */
  max(options?: ReduceOptions): Tensor;
  /** `min(this, options)`. */
  min(options?: ReduceOptions): Tensor;
}

/** A tensor, or a number that takes the dtype of what it meets. */
export type TensorLike = Tensor | number;

/** Which axes a reduction takes away (all by default), and whether it leaves them with extent 1. */
export interface ReduceOptions {
  /** One axis or several; negative ones count from the end. All by default. */
  readonly axis?: number | readonly number[];
  /** Leave the reduced axes in place with extent 1; false by default. */
  readonly keepDims?: boolean;
}

/** Merged with the class: the methods are installed on its prototype. */
export interface Tensor extends TensorMethods {}

/**
 * An immutable array of numbers with a shape and a dtype: concrete (its elements lie in the memory of a
 * device) or traced (it stands for a value inside `grad`, `vmap`, `jit`, ...). Both have this one type.
 *
 * Tensors are made by `tensor`, `zeros`, ... and by operations, never by `new`. Nothing has to be disposed.
 *
 * @example
 * ```ts
 * import { tensor } from "softstep";
 *
 * const x = tensor([[1, 2], [3, 4]]);
 * console.log(x.mul(2).sum().item()); // => 20
 * ```
 */
export class Tensor {
  /** The extent of each axis. */
  readonly shape: Shape;
  /** The type of the elements. */
  readonly dtype: DType;
  /**
   * Where the elements come from.
   *
   * @ignore
   */
  readonly content: Storage | Traced;

  /** Internal: use `tensor`, `zeros`, ... */
  constructor(spec: TensorSpec, content: Storage | Traced) {
    this.shape = spec.shape;
    this.dtype = spec.dtype;
    this.content = content;
  }

  /** The number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** The number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** The device that holds the elements; of a traced tensor the one underneath, "traced" inside `jit`. */
  get device(): DeviceName {
    const { content } = this;
    if (content.kind === "storage") return content.device;
    return content.underlying?.device ?? "traced";
  }

  /**
   * A copy of the elements in row-major order, on any device. bool comes as 0 and 1 in a `Uint8Array`,
   * bfloat16 as its bits in a `Uint16Array`. Reads that are asked for together are made together: await many
   * tensors by `deviceGet`, or by one `Promise.all`.
   *
   * @throws {TracedValueError} if the tensor has no value yet (inside `jit` or `vmap`).
   * @throws {DonatedError} if its memory was donated.
   * @throws {FreedError} if its memory was freed by `scope`.
   */
  data(): Promise<TypedArray> {
    return this.#read("data");
  }

  /**
   * The only element as a number (bool: 0 or 1), on any device: `item` that waits.
   *
   * @throws {ShapeError} if there is not exactly one element.
   * @throws {TracedValueError} if the tensor has no value yet (inside `jit` or `vmap`).
   * @throws {DonatedError} if its memory was donated.
   * @throws {FreedError} if its memory was freed by `scope`.
   */
  async number(): Promise<number> {
    this.#checkScalar("number");
    return numbersOf(await this.#read("number"), this.dtype)[0]!;
  }

  /**
   * The elements as nested arrays (a number for a scalar; bool as `true` and `false`), on any device: `toArray` that
   * waits.
   *
   * @throws {TracedValueError} if the tensor has no value yet (inside `jit` or `vmap`).
   * @throws {DonatedError} if its memory was donated.
   * @throws {FreedError} if its memory was freed by `scope`.
   */
  async array(): Promise<NestedArray> {
    return this.#nest(numbersOf(await this.#read("array"), this.dtype));
  }

  /**
   * As `data`, at once.
   *
   * @throws {DeviceError} if the device is asynchronous.
   * @throws {TracedValueError} if the tensor has no value yet (inside `jit` or `vmap`).
   * @throws {DonatedError} if its memory was donated.
   * @throws {FreedError} if its memory was freed by `scope`.
   */
  dataSync(): TypedArray {
    return this.#download("dataSync");
  }

  /**
   * The only element as a number (bool: 0 or 1).
   *
   * @throws {ShapeError} if there is not exactly one element.
   * @throws {DeviceError} if the device is asynchronous.
   * @throws {TracedValueError} if the tensor has no value yet (inside `jit` or `vmap`).
   * @throws {DonatedError} if its memory was donated.
   * @throws {FreedError} if its memory was freed by `scope`.
   */
  item(): number {
    this.#checkScalar("item");
    return numbersOf(this.#download("item"), this.dtype)[0]!;
  }

  /**
   * The elements as nested arrays (a number for a scalar); bool as `true` and `false`.
   *
   * @throws {DeviceError} if the device is asynchronous.
   * @throws {TracedValueError} if the tensor has no value yet (inside `jit` or `vmap`).
   * @throws {DonatedError} if its memory was donated.
   * @throws {FreedError} if its memory was freed by `scope`.
   */
  toArray(): NestedArray {
    return this.#nest(numbersOf(this.#download("toArray"), this.dtype));
  }

  /** Spec and elements, shortened where there are many. */
  toString(): string {
    const spec = formatSpec(this);
    const { content } = this;
    if (content.kind === "traced") return `Traced<${content.trace.transformation}> ${spec}`;
    if (content.donatedTo !== undefined) return `Tensor ${spec} (donated to ${content.donatedTo})`;
    if (content.freed) return `Tensor ${spec} (freed by scope)`;
    const backend = backendOf("toString", content.device);
    if (backend.downloadSync === undefined) return `Tensor ${spec} on ${content.device}`;
    const elements = numbersOf(this.#download("toString"), this.dtype);
    return `Tensor ${spec} ${formatElements(this, elements)}`;
  }

  /** Refuses `JSON.stringify`, which would write what a device keeps instead of the elements. */
  toJSON(): never {
    throw new SoftstepError(
      "Tensor",
      "a tensor is no JSON; write its shape, its dtype and the elements that data(), or deviceGet for a whole " +
        "tree, gives, and make it again with tensor(data, { shape, dtype })",
    );
  }

  /** Refuses `a * b`, `a < b`, ...: JavaScript has no operators for tensors, and `if (a)` is always true. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.toString();
    throw new SoftstepError(
      "Tensor",
      "JavaScript operators do not work on tensors; use functions such as add, mul and less, or item() for " +
        "the number of a scalar",
    );
  }

  #locate(functionName: string) {
    let { content } = this as Tensor;
    while (content.kind === "traced") {
      if (!content.hasValue) throw tracedValueError(functionName, this, content);
      content = content.underlying!.content;
    }
    return { storage: content, backend: backendOf(functionName, content.device) };
  }

  /** An async function, so that it never throws at once; it asks for the elements before it waits. */
  async #read(functionName: string): Promise<TypedArray> {
    const { storage, backend } = this.#locate(functionName);
    return await backend.download(bufferOf(functionName, storage, this.dtype), this.dtype);
  }

  #download(functionName: string): TypedArray {
    const { storage, backend } = this.#locate(functionName);
    if (backend.downloadSync === undefined) {
      throw new DeviceError(
        functionName,
        `device ${storage.device} answers asynchronously; use await tensor.data(), array() or number()`,
      );
    }
    return backend.downloadSync(bufferOf(functionName, storage, this.dtype), this.dtype);
  }

  #checkScalar(functionName: string): void {
    if (this.size === 1) return;
    throw new ShapeError(
      functionName,
      `a tensor of shape ${formatShape(this.shape)} is not one element`,
    );
  }

  #nest(numbers: ArrayLike<number>): NestedArray {
    const isBool = this.dtype === "bool";
    let next = 0;
    const build = (axis: number): NestedArray => {
      if (axis === this.shape.length) return isBool ? numbers[next++] !== 0 : numbers[next++]!;
      return Array.from({ length: this.shape[axis]! }, () => build(axis + 1));
    };
    return build(0);
  }
}

function numbersOf(data: TypedArray, dtype: DType): ArrayLike<number> {
  return dtype === "bfloat16" ? Array.from(data, fromBFloat16Bits) : data;
}

/** A scalar's element, or arrays of arrays of them. */
export type NestedArray = number | boolean | NestedArray[];

function tracedValueError(functionName: string, tensor: Tensor, content: Traced): TracedValueError {
  return new TracedValueError(
    functionName,
    `the value of ${tensor} is not known while ${content.trace.transformation} traces the function; ` +
      `choose with where(condition, a, b) instead of branching on it, return it and read it outside, or ` +
      `pass what decides the branch as a plain number or string`,
  );
}
