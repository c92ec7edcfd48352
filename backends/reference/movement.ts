import type { TypedArray } from "../../src/core/dtype.ts";
import { type Shape, stridesOf } from "../../src/core/shape.ts";
import type { Kernel } from "../../src/backend/program.ts";
import { bits, type Run } from "./run.ts";
import { contiguous, planWalk, type StridedView, walkRows } from "./walk.ts";

/** Copies n elements, `os` and `as` apart. */
// deno-fmt-ignore
export function copyRow(
  o: TypedArray, oi: number, os: number, a: TypedArray, ai: number, as: number, n: number,
): void {
  if (os === 1 && as === 1 && n >= 64) o.set(a.subarray(ai, ai + n), oi);
  else for (let i = 0; i < n; i++, oi += os, ai += as) o[oi] = a[ai]!;
}

/** Makes a copy from one strided view to another, of an index space of `shape`, ready. */
export function prepareCopy(
  shape: Shape,
  to: StridedView,
  from: StridedView,
): (o: TypedArray, a: TypedArray) => void {
  const walk = planWalk(shape, [to, from]);
  const [os, as] = walk.steps as [number, number];
  return (o, a) => walkRows(walk, (at) => copyRow(o, at[0]!, os, a, at[1]!, as, walk.length));
}

/** Makes a kernel ready that reads its operand through a strided view. */
function prepareView(shape: Shape, from: StridedView): Run {
  const copy = prepareCopy(shape, contiguous(shape), from);
  return (out, operands) => copy(bits(out), bits(operands[0]!));
}

/** Makes `transpose` ready. */
export function prepareTranspose({ params, operands, output }: Kernel<"transpose">): Run {
  const strides = stridesOf(operands[0]!.spec.shape);
  const from = { offset: 0, strides: params.permutation.map((axis) => strides[axis]!) };
  return prepareView(output.spec.shape, from);
}

/** Makes `broadcast` ready. */
export function prepareBroadcast({ params, operands, output }: Kernel<"broadcast">): Run {
  const shape = operands[0]!.spec.shape;
  const own = stridesOf(shape);
  const strides = output.spec.shape.map(() => 0);
  params.axes.forEach((axis, i) => strides[axis] = shape[i] === 1 ? 0 : own[i]!);
  return prepareView(output.spec.shape, { offset: 0, strides });
}

/** Makes `slice` ready. */
export function prepareSlice({ params, operands, output }: Kernel<"slice">): Run {
  const own = stridesOf(operands[0]!.spec.shape);
  const strides = own.map((stride, axis) => stride * params.stride[axis]!);
  return prepareView(output.spec.shape, { offset: offsetOf(params.start, own), strides });
}

/** Makes `flip` ready. */
export function prepareFlip({ params, operands, output }: Kernel<"flip">): Run {
  const { shape } = operands[0]!.spec;
  const own = stridesOf(shape);
  const flipped = (axis: number) => params.axes.includes(axis);
  const last = shape.map((extent, axis) => flipped(axis) ? extent - 1 : 0);
  const strides = own.map((stride, axis) => flipped(axis) ? -stride : stride);
  return prepareView(output.spec.shape, { offset: offsetOf(last, own), strides });
}

/** Makes `pad` ready. */
export function preparePad({ params, operands, output }: Kernel<"pad">): Run {
  const { shape } = operands[0]!.spec;
  const own = stridesOf(output.spec.shape);
  const strides = own.map((stride, axis) => stride * (params.inner[axis]! + 1));
  const copy = prepareCopy(
    shape,
    { offset: offsetOf(params.low, own), strides },
    contiguous(shape),
  );
  return (out, operands) => {
    const o = bits(out);
    o.fill(0);
    copy(o, bits(operands[0]!));
  };
}

/** Makes `concat` ready. */
export function prepareConcat({ params, operands, output }: Kernel<"concat">): Run {
  const { strides } = contiguous(output.spec.shape);
  let start = 0;
  const copies = operands.map(({ spec: { shape } }) => {
    const to = { offset: start * strides[params.axis]!, strides };
    start += shape[params.axis]!;
    return prepareCopy(shape, to, contiguous(shape));
  });
  return (out, operands) => {
    const o = bits(out);
    copies.forEach((copy, i) => copy(o, bits(operands[i]!)));
  };
}

function offsetOf(index: readonly number[], strides: readonly number[]): number {
  return index.reduce((sum, at, axis) => sum + at * strides[axis]!, 0);
}
