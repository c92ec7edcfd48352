import type { DeviceBuffer } from "../../src/core/device-buffer.ts";
import {
  allocate,
  bytesPerElement,
  type DType,
  dtypes,
  type TypedArray,
  viewOf,
} from "../../src/core/dtype.ts";
import { DeviceError } from "../../src/core/errors.ts";
import type { Backend, Executable } from "../../src/backend/backend.ts";
import type { AnyKernel, KernelOperand, Program } from "../../src/backend/program.ts";
import { encode } from "./cast.ts";
import { accessesOf, prepareLoop } from "./loop.ts";
import { prepare } from "./prepare.ts";

/** Memory of this backend: an ArrayBuffer of its own. */
interface ReferenceBuffer extends DeviceBuffer {
  readonly data: ArrayBuffer;
}

/** One kernel, with what it reads and writes as indices into the list of views. */
type Step = (views: readonly TypedArray[]) => void;

/** A view that every run makes anew, because its buffer is the caller's or outlives the run. */
interface PassingView {
  readonly slot: number;
  readonly buffer: number;
  readonly dtype: DType;
  readonly size: number;
}

/** The reference backend: plain JavaScript, every primitive, float32 rounded at every step, float64 exact. */
export function referenceBackend(): Backend {
  return { name: "reference", dtypes, upload, download, downloadSync, compile };
}

function upload(data: TypedArray): DeviceBuffer {
  const copy = new Uint8Array(data.byteLength);
  copy.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return bufferOf(copy.buffer);
}

function downloadSync(buffer: DeviceBuffer, dtype: DType): TypedArray {
  const data = dataOf(buffer).slice(0);
  return viewOf(dtype, data, 0, data.byteLength / bytesPerElement(dtype));
}

function download(buffer: DeviceBuffer, dtype: DType): Promise<TypedArray> {
  return Promise.resolve(downloadSync(buffer, dtype));
}

function compile(program: Program): Executable {
  const { views, passing, steps } = layOut(program);

  return {
    run(inputs) {
      const data = program.buffers.map((plan) => {
        if (plan.kind === "input") return dataOf(inputs[plan.input]!);
        return plan.kind === "fresh" ? new ArrayBuffer(plan.byteLength) : undefined;
      });
      // A list of this run alone: what the caller handed in is not kept.
      const seen = [...views];
      for (const { slot, buffer, dtype, size } of passing) {
        seen[slot] = viewOf(dtype, data[buffer]!, 0, size);
      }
      for (const step of steps) step(seen as TypedArray[]);
      return program.outputs.map(({ buffer }) => {
        const plan = program.buffers[buffer]!;
        return plan.kind === "input" ? inputs[plan.input]! : bufferOf(data[buffer]!);
      });
    },
  };
}

/** Makes the views of the arena and of literals, and the kernels ready. */
function layOut(program: Program): {
  views: (TypedArray | undefined)[];
  passing: PassingView[];
  steps: Step[];
} {
  const arena = new ArrayBuffer(program.arenaBytes);
  const views: (TypedArray | undefined)[] = [];
  const passing: PassingView[] = [];
  const slots = new Map<string, number>();

  function slotOf(operand: KernelOperand): number {
    const { spec } = operand;
    return "literal" in operand
      ? views.push(allocate(spec.dtype, 1).fill(encode(spec.dtype, operand.literal))) - 1
      : slotOfBuffer(operand.buffer, spec.dtype);
  }

  /** The whole of a buffer, seen as a dtype. */
  function slotOfBuffer(buffer: number, dtype: DType): number {
    const key = `${buffer} ${dtype}`;
    const known = slots.get(key);
    if (known !== undefined) return known;
    const plan = program.buffers[buffer]!;
    const size = plan.byteLength / bytesPerElement(dtype);
    const isArena = plan.kind === "arena";
    const slot = views.push(isArena ? viewOf(dtype, arena, plan.byteOffset, size) : undefined) - 1;
    if (!isArena) passing.push({ slot, buffer, dtype, size });
    slots.set(key, slot);
    return slot;
  }

  function stepOf(kernel: AnyKernel): Step {
    if (kernel.op === "loop") {
      const run = prepareLoop(kernel.loop);
      const accesses = accessesOf(kernel.loop);
      const slots = accesses.map(({ buffer, dtype }) => slotOfBuffer(buffer, dtype));
      return (views) => run(slots.map((slot) => views[slot]!));
    }
    const run = prepare(kernel);
    const out = slotOf(kernel.output);
    const operands = kernel.operands.map(slotOf);
    return (views) => run(views[out]!, operands.map((slot) => views[slot]!));
  }

  const steps = program.kernels.map(stepOf);
  return { views, passing, steps };
}

function bufferOf(data: ArrayBuffer): ReferenceBuffer {
  return { byteLength: data.byteLength, data };
}

function dataOf(buffer: DeviceBuffer): ArrayBuffer {
  const { data } = buffer as Partial<ReferenceBuffer>;
  if (data === undefined) {
    throw new DeviceError("reference", "this memory belongs to another device; expected its own");
  }
  return data;
}
