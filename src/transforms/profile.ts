import { backendOf } from "../backend/registry.ts";
import type { DeviceBuffer } from "../core/device-buffer.ts";
import { bufferOf, literalStorage } from "../tensor/storage.ts";
import { bufferOn, storageOf } from "../tracing/execute.ts";
import { explanationOf } from "./explain.ts";
import type { Explanation } from "./explanation.ts";
import { inspect, type Inspection } from "./inspection.ts";

/**
 * Runs a jitted function once to measure its kernels: the explanation that `explain` gives, with the `nanoseconds` of
 * each kernel by the device's own clock. Kernels run one after the other for that, so that their sum is more than what
 * a call takes. Donated arguments are copied and remain usable; results are thrown away.
 *
 * On a device that cannot tell, nothing is run and every `nanoseconds` is undefined: the CPU, whose threads work on
 * several kernels at a time, gpu.js, and GPUs without timestamps. Clocks of browsers may be as coarse as 100 us.
 *
 * @param jitted A function made by `jit`.
 * @param args The arguments of a call.
 * @throws {OptionError} if the function was not made by `jit`.
 * @throws {DonatedError} if an argument was donated before.
 * @throws {TracedValueError} inside `grad`, `vmap`, `jit` and the like.
 * @throws {DeviceError} if the device fails.
 *
 * @example
 * ```ts
 * import { device, gelu, jit, profile, type Tensor, zeros } from "softstep";
 *
 * const where = await device("auto");
 * const layer = jit((x: Tensor) => gelu(x.mul(2).add(1)));
 * const { kernels } = await profile(layer, zeros([1000, 10], { device: where }));
 * const [{ nanoseconds }] = kernels as [typeof kernels[0]];
 * console.log(kernels.length, nanoseconds === undefined || nanoseconds >= 0); // => 1 true
 * ```
 */
export async function profile<Args extends readonly unknown[]>(
  jitted: (...args: Args) => unknown,
  ...args: Args
): Promise<Explanation> {
  const inspection = inspect("profile", jitted, args);
  const { device, compiled: { executable } } = inspection;
  if (executable.profile === undefined) return explanationOf(inspection);

  const backend = backendOf("profile", device);
  const copies = await copyDonated(inspection);
  const own = new Set(copies.values());
  try {
    const buffers = inspection.inputs.map((tensor, input) =>
      copies.get(input) ?? bufferOn("profile", tensor, device)
    );
    const { outputs, nanoseconds } = await executable.profile(buffers);
    for (const output of outputs) own.add(output);
    return explanationOf(inspection, nanoseconds);
  } finally {
    // What was written over a donated input is that input's copy.
    for (const buffer of own) backend.free?.(buffer);
  }
}

/** A copy of each donated input, by its position. */
async function copyDonated(
  { inputs, donated, device }: Inspection,
): Promise<Map<number, DeviceBuffer>> {
  const backend = backendOf("profile", device);
  const taken = inputs.flatMap((tensor, input) => donated[input] ? [{ tensor, input }] : []);
  const data = await Promise.all(taken.map(({ tensor }) => {
    const { literal } = storageOf(tensor);
    const buffer = literal === undefined
      ? bufferOn("profile", tensor, device)
      : bufferOf("profile", literalStorage(device, literal), tensor.dtype);
    return backend.download(buffer, tensor.dtype);
  }));
  return new Map(taken.map(({ input }, i) => [input, backend.upload(data[i]!)]));
}
