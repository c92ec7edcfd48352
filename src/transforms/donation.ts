import { DonatedError } from "../core/errors.ts";
import type { Storage } from "../tensor/storage.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { storageOf } from "../tracing/execute.ts";

/** What a call is given: tensors, some of them donated, and those that the function closes over. */
export interface Given {
  readonly tensors: readonly Tensor[];
  /** For each tensor. */
  readonly donated: readonly boolean[];
  readonly constants: readonly Tensor[];
}

let calls = 0;

/** Whether memory is donated in one place and read or donated in another. */
export function isShared({ tensors, donated, constants }: Given): boolean {
  const call = ++calls;
  for (const tensor of constants) storageOf(tensor).call = call;
  for (let input = 0; input < tensors.length; input++) {
    if (!donated[input]) storageOf(tensors[input]!).call = call;
  }
  for (let input = 0; input < tensors.length; input++) {
    const storage = storageOf(tensors[input]!);
    // A number has no memory to lose.
    if (!donated[input] || storage.literal !== undefined) continue;
    if (storage.call === call) return true;
    storage.call = call;
  }
  return false;
}

/** Says of which tensor `isShared` holds, and where its memory is needed besides. */
export function sharedError(
  functionName: string,
  { tensors, donated, constants }: Given,
  paths: readonly string[],
): DonatedError {
  const readers = new Map<Storage, string>();
  constants.forEach((tensor) =>
    readers.set(storageOf(tensor), "a tensor that the function closes over")
  );
  tensors.forEach((tensor, input) => {
    if (!donated[input]) readers.set(storageOf(tensor), paths[input]!);
  });
  const input = tensors.findIndex((tensor, input) => {
    const storage = storageOf(tensor);
    if (!donated[input] || storage.literal !== undefined) return false;
    if (readers.has(storage)) return true;
    readers.set(storage, paths[input]!);
    return false;
  });
  const reader = readers.get(storageOf(tensors[input]!));
  return new DonatedError(
    functionName,
    `${paths[input]} is donated, but is also ${reader}; expected a tensor of its own in each place`,
  );
}
