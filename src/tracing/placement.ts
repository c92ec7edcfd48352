import { backendOf, type DeviceName } from "../backend/registry.ts";
import { DeviceError } from "../core/errors.ts";
import {
  bufferOf,
  bufferStorage,
  currentOwner,
  literalStorage,
  setOwner,
  type Storage,
} from "../tensor/storage.ts";
import { Tensor } from "../tensor/tensor.ts";

/** The device of tensors that nobody placed elsewhere. */
export const defaultDevice: DeviceName = "cpu";

/** The memory underneath a tensor; undefined where there is none yet. */
function memoryOf({ content }: Tensor): Storage | undefined {
  if (content.kind === "storage") return content;
  return content.underlying === undefined ? undefined : memoryOf(content.underlying);
}

/** The device of the memory underneath; undefined where there is none yet. */
export function placeOf(tensor: Tensor): DeviceName | undefined {
  return memoryOf(tensor)?.device;
}

/** Whether it goes wherever it is needed: a number, or what a jitted function made without saying where. */
export function isMovable({ literal, unplaced }: Storage): boolean {
  return literal !== undefined || unplaced;
}

/** Where work on these tensors belongs that has no operands to say so. */
export function placeOfAll(tensors: readonly Tensor[]): DeviceName {
  const memories = tensors.map(memoryOf).filter((memory) => memory !== undefined);
  return (memories.find((memory) => !isMovable(memory)) ?? placedFirst(memories))?.device ??
    defaultDevice;
}

/** Of things that could go anywhere, one that was put somewhere, if there is any. */
export function placedFirst(memories: readonly Storage[]): Storage | undefined {
  return memories.find(({ device }) => device !== defaultDevice) ?? memories[0];
}

/** A number goes to the device of another tensor; everything else stays where it is. */
export function placedLike(tensor: Tensor, like: Tensor): Tensor {
  const device = placeOf(like);
  return device === undefined ? tensor : placedOn(tensor, device);
}

// Where tensors that are in no place have gone: programs read their constants at every run.
const moved = new WeakMap<Storage, Map<DeviceName, Storage>>();

/** On a device, if it is one of those that go wherever they are needed; else as it is. */
export function placedOn(tensor: Tensor, device: DeviceName): Tensor {
  const { content } = tensor;
  if (content.kind !== "storage" || content.device === device) return tensor;
  if (content.literal !== undefined) {
    return new Tensor(tensor, literalStorage(device, content.literal));
  }
  if (!content.unplaced) return tensor;
  let places = moved.get(content);
  if (places === undefined) moved.set(content, places = new Map());
  let place = places.get(device);
  if (place === undefined) places.set(device, place = copyOf(tensor, content, device));
  return new Tensor(tensor, place);
}

function copyOf({ dtype }: Tensor, storage: Storage, device: DeviceName): Storage {
  const source = backendOf("jit", storage.device);
  if (source.downloadSync === undefined) {
    throw new DeviceError("jit", `a constant on ${storage.device} cannot be moved to ${device}`);
  }
  const data = source.downloadSync(bufferOf("jit", storage, dtype), dtype);
  // It lives as long as what it was copied from, whatever scope is open now.
  const owner = currentOwner();
  setOwner(undefined);
  try {
    return bufferStorage(device, backendOf("jit", device).upload(data));
  } finally {
    setOwner(owner);
  }
}
