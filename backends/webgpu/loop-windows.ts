import { formOf } from "../../src/backend/loop-form.ts";
import type { Access, Loop, Statement } from "../../src/backend/loop.ts";
import { elementBytes, type ShaderLimits } from "./shader.ts";

/** The part of a buffer that a shader sees, in bytes. */
export interface Window {
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** A piece of a loop nest, and where the buffers begin that it does not see as a whole. */
export interface WindowedLoop {
  readonly loop: Loop;
  readonly windows: ReadonlyMap<number, Window>;
}

/** Where axes are cut: so that pieces begin where buffers may be bound, and at whole vectors. */
const grain = 64;

/**
 * A loop nest over buffers of which some are larger than what a device binds at once, as pieces that see windows of
 * them: halves, and halves of these, along the outermost axis. Undefined where that does not help, because single
 * results need more.
 */
export function cutInWindows(
  loop: Loop,
  byteLengthOf: (buffer: number) => number,
  limits: ShaderLimits,
): WindowedLoop[] | undefined {
  const accesses = accessesOf(loop);
  const large = accesses.map(({ buffer }) => buffer)
    .filter((buffer) => byteLengthOf(buffer) > limits.bindingBytes);
  if (large.length === 0 || loop.extents.includes(0)) return [{ loop, windows: new Map() }];

  const windows = new Map([...new Set(large)].map((buffer) =>
    [
      buffer,
      windowOf(accesses.filter((each) => each.buffer === buffer), loop.extents, limits),
    ] as const
  ));
  if ([...windows.values()].every(({ byteLength }) => byteLength <= limits.bindingBytes)) {
    return [{ loop: seenThrough(loop, windows), windows }];
  }
  // Axes of one stride are one axis, so that the outermost one is as long as it can be.
  const form = formOf(loop, Infinity);
  const whole = withAccesses(form.loop, (access) => ({
    ...access,
    buffer: form.buffers[access.buffer]!,
  }));
  const extent = whole.extents[0];
  if (extent === undefined || extent < 2 || whole.reduced === whole.extents.length) {
    return undefined;
  }
  const half = extent >= 2 * grain ? Math.floor(extent / 2 / grain) * grain : extent >> 1;
  const first = cutInWindows(rowsOf(whole, 0, half), byteLengthOf, limits);
  if (first === undefined) return undefined;
  const second = cutInWindows(rowsOf(whole, half, extent - half), byteLengthOf, limits);
  return second && [...first, ...second];
}

function accessesOf({ statements, stores }: Loop): Access[] {
  const loads = statements.flatMap((each) => each.kind === "load" ? [each.access] : []);
  return [...loads, ...stores.map(({ access }) => access)];
}

/** All that some accesses reach of their buffer. */
function windowOf(
  accesses: readonly Access[],
  extents: readonly number[],
  { bindingAlignment }: ShaderLimits,
): Window {
  let [least, most] = [Infinity, -Infinity];
  for (const { offset, strides } of accesses) {
    const moves = strides.map((stride, axis) => stride * (extents[axis]! - 1));
    least = Math.min(least, moves.reduce((sum, move) => sum + Math.min(move, 0), offset));
    most = Math.max(most, moves.reduce((sum, move) => sum + Math.max(move, 0), offset));
  }
  const byteOffset = Math.floor(least * elementBytes / bindingAlignment) * bindingAlignment;
  return { byteOffset, byteLength: (most + 1) * elementBytes - byteOffset };
}

/** The loop with positions counted from where the windows begin. */
function seenThrough(loop: Loop, windows: ReadonlyMap<number, Window>): Loop {
  return withAccesses(loop, (access) => {
    const { byteOffset } = windows.get(access.buffer) ?? { byteOffset: 0 };
    return { ...access, offset: access.offset - byteOffset / elementBytes };
  });
}

/** Some rows of the outermost axis. */
function rowsOf(loop: Loop, from: number, count: number): Loop {
  const moved = withAccesses(loop, (access) => ({
    ...access,
    offset: access.offset + from * access.strides[0]!,
  }));
  return {
    ...moved,
    extents: [count, ...loop.extents.slice(1)],
    statements: moved.statements.map((each) =>
      each.kind === "index" && each.axis === 0
        ? { ...each, offset: each.offset + from * each.stride }
        : each
    ),
  };
}

function withAccesses(loop: Loop, change: (access: Access) => Access): Loop {
  return {
    ...loop,
    statements: loop.statements.map((each): Statement =>
      each.kind === "load" ? { ...each, access: change(each.access) } : each
    ),
    stores: loop.stores.map((store) => ({ ...store, access: change(store.access) })),
  };
}
