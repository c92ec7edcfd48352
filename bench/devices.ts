import { add, describeDevice, device, DeviceError, tensor } from "../mod.ts";
import { InputError } from "./input-error.ts";

/** A device of softstep, open. */
export interface BenchDevice {
  readonly name: string;
  readonly description: string;
  /** Waits until it has done all that it was given. */
  finish(): Promise<void>;
}

/** Opens a device by its name on the command line: "cpu", "gpu", "gpu:wgsl", "gpu:gpujs". */
export async function openDevice(word: string): Promise<BenchDevice> {
  try {
    const name = await open(word);
    return {
      name,
      description: describeDevice(name),
      // A device does things in order.
      finish: async () => void await add(tensor([0], { device: name }), 1).data(),
    };
  } catch (error) {
    if (error instanceof DeviceError) throw new InputError(error.message);
    throw error;
  }
}

function open(word: string): Promise<string> {
  if (word === "gpu") return device("gpu", { required: true });
  const compiler = word.startsWith("gpu:") ? word.slice(4) : undefined;
  if (compiler === undefined) return device(word);
  return device("gpu", { required: true, compiler: compiler as "wgsl" | "gpujs" });
}

/** Whether a device works on its own after a call has returned. */
export function isAsynchronous(name: string): boolean {
  try {
    tensor([0], { device: name }).dataSync();
    return false;
  } catch {
    return true;
  }
}
