import type { Pipeline } from "./pipelines.ts";
import { vectorBytes } from "./shader.ts";

/** A part of a planned buffer that a dispatch binds. */
export interface Place {
  /** Index of a planned buffer. */
  readonly buffer: number;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** Bind groups of one dispatch for the buffers of the last runs. */
export interface BindGroups {
  /** The group for the planned buffers of a run. */
  of(buffers: readonly GPUBuffer[]): GPUBindGroup;
}

/** Buffers come back in turn (parameters that are donated, batches, losses), so a few are kept. */
const keptGroups = 4;

interface Known {
  /** Those of `changing`. */
  readonly buffers: readonly GPUBuffer[];
  readonly group: GPUBindGroup;
}

/** `isFixed` tells which planned buffers are the same ones in every run. */
export function createBindGroups(
  device: GPUDevice,
  { layout }: Pipeline,
  places: readonly Place[],
  isFixed: (buffer: number) => boolean,
): BindGroups {
  const changing = places.map(({ buffer }) => buffer).filter((buffer) => !isFixed(buffer));
  // The newest first.
  const known: Known[] = [];

  // Without closures: this runs for every dispatch of every run.
  function isFor({ buffers }: Known, current: readonly GPUBuffer[]): boolean {
    for (let i = 0; i < changing.length; i++) {
      if (buffers[i] !== current[changing[i]!]) return false;
    }
    return true;
  }

  function create(current: readonly GPUBuffer[]): GPUBindGroup {
    const group = device.createBindGroup({
      layout,
      entries: places.map(({ buffer, byteOffset, byteLength }, binding) => ({
        binding,
        resource: {
          buffer: current[buffer]!,
          offset: byteOffset,
          // Whole vectors: buffers have room for them.
          size: Math.max(1, Math.ceil(byteLength / vectorBytes)) * vectorBytes,
        },
      })),
    });
    if (known.length >= keptGroups) known.pop();
    known.unshift({ buffers: changing.map((buffer) => current[buffer]!), group });
    return group;
  }

  return {
    of(current) {
      for (let i = 0; i < known.length; i++) {
        const each = known[i]!;
        if (isFor(each, current)) return each.group;
      }
      return create(current);
    },
  };
}
