import { backendOf, checkDeviceDType, type DeviceName } from "../backend/registry.ts";
import type { TypedArray } from "../core/dtype.ts";
import { TracedValueError, TreeError } from "../core/errors.ts";
import { inNameOf, renamed } from "../core/in-name-of.ts";
import { formatSpec } from "../core/shape.ts";
import { describe } from "../core/value-kinds.ts";
import { bufferOf, bufferStorage, literalStorage, type Storage } from "../tensor/storage.ts";
import { Tensor } from "../tensor/tensor.ts";
import { flatten, type MapLeaves, unflatten } from "../tree/tree.ts";
import { type ArrayData, tensor } from "./creation.ts";

/** A tree whose numbers, booleans and typed arrays have become tensors. */
export type Placed<T> = T extends Tensor | null | undefined ? T
  : T extends number | boolean | ArrayData ? Tensor
  : T extends readonly unknown[] | Record<string, unknown> ? { [K in keyof T]: Placed<T[K]> }
  : T;

/**
 * A tree on a device: tensors that are there already stay as they are, others are copied; numbers, booleans and typed
 * arrays become tensors as by `tensor`. All that has to be read from a GPU is read at once.
 *
 * @param tree Parameters, a state, a batch of data, ...
 * @param device The name of a device, from `device`.
 * @returns A tree of the same structure.
 * @throws {DeviceError} if the device is not there.
 * @throws {DTypeError} if it has not the dtype of a leaf.
 * @throws {TreeError} if a leaf is nothing of the kind.
 * @throws {TracedValueError} inside `grad`, `vmap`, `jit` and the like.
 *
 * @example
 * ```ts
 * import { devicePut, tensor } from "softstep";
 *
 * const params = { w: tensor([1, 2]), b: tensor(0) };
 * const there = await devicePut(params, "reference");
 * console.log(there.w.device, there.w.toArray()); // => reference [ 1, 2 ]
 * ```
 */
export async function devicePut<T>(tree: T, device: DeviceName): Promise<Placed<T>> {
  backendOf("devicePut", device);
  const { leaves, paths, structure } = flatten("devicePut", tree);
  leaves.forEach((leaf, i) => checkMovable(leaf, paths[i] || "the tree", device));
  // Tensors that share memory share it afterwards, and are read once.
  const copies = new Map<Storage, Promise<Storage>>();
  const placed = await Promise.all(leaves.map(async (leaf) => {
    if (!(leaf instanceof Tensor)) {
      return inNameOf("devicePut", () => tensor(leaf as ArrayData, { device }));
    }
    const storage = leaf.content as Storage;
    if (storage.device === device) return leaf;
    let copy = copies.get(storage);
    if (copy === undefined) copies.set(storage, copy = copyTo(device, storage, leaf));
    return new Tensor(leaf, await copy);
  }));
  return unflatten(structure, placed) as Placed<T>;
}

function checkMovable(leaf: unknown, path: string, device: DeviceName): void {
  if (leaf instanceof Tensor) {
    const { content } = leaf;
    if (content.kind === "traced") {
      throw new TracedValueError(
        "devicePut",
        `${path} is traced by ${content.trace.transformation}; move it before the function is called`,
      );
    }
    checkDeviceDType("devicePut", leaf.dtype, device, `${path} is ${formatSpec(leaf)}, but `);
    return;
  }
  if (typeof leaf === "number" || typeof leaf === "boolean" || ArrayBuffer.isView(leaf)) return;
  throw new TreeError(
    "devicePut",
    `${path} is ${describe(leaf)}; expected a tensor, a number, a boolean or a typed array`,
  );
}

async function copyTo(device: DeviceName, storage: Storage, { dtype }: Tensor): Promise<Storage> {
  if (storage.literal !== undefined) return literalStorage(device, storage.literal);
  const source = backendOf("devicePut", storage.device);
  const data = await source.download(bufferOf("devicePut", storage, dtype), dtype);
  return bufferStorage(device, backendOf("devicePut", device).upload(data));
}

/**
 * The elements of all tensors of a tree, as `data` gives them: everything is read from the device at once, which is
 * much cheaper than one tensor after the other. Leaves that are no tensors stay as they are. Arrays have neither
 * shapes nor bfloat16: make tensors of them again with `tensor(data, { shape, dtype })`, not with `devicePut`.
 *
 * @param tree Losses, parameters, a state, ...
 * @returns A tree of the same structure with a typed array for each tensor.
 * @throws {TracedValueError} if a tensor has no value yet (inside `jit` or `vmap`).
 * @throws {DonatedError} if the memory of one was donated.
 * @throws {FreedError} if the memory of one was freed by `scope`.
 *
 * @example
 * ```ts
 * import { deviceGet, tensor } from "softstep";
 *
 * const { loss, w } = await deviceGet({ loss: tensor(0.5), w: tensor([1, 2]) });
 * console.log(loss[0], w); // => 0.5 Float32Array(2) [ 1, 2 ]
 * ```
 */
export async function deviceGet<T>(tree: T): Promise<MapLeaves<T, TypedArray>> {
  const { leaves, structure } = flatten("deviceGet", tree);
  const arrays = leaves.map((leaf) => leaf instanceof Tensor ? leaf.data() : leaf);
  try {
    return unflatten(structure, await Promise.all(arrays)) as MapLeaves<T, TypedArray>;
  } catch (error) {
    throw renamed("deviceGet", error);
  }
}
