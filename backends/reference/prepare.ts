import { DeviceError } from "../../src/core/errors.ts";
import { formatSpec } from "../../src/core/shape.ts";
import type { Kernel } from "../../src/backend/program.ts";
import type { PrimitiveName } from "../../src/graph/instruction-set.ts";
import { binaryLoop, type BinaryName, prepareBinary, prepareSelect } from "./binary.ts";
import { bitcast, copyAll, prepareCast } from "./cast.ts";
import { prepareConv } from "./conv.ts";
import { prepareFull, prepareIota } from "./creation.ts";
import { prepareCustomKernel } from "./custom-kernel.ts";
import { prepareDot } from "./dot.ts";
import { prepareGather, prepareScatterAdd } from "./indexing.ts";
import {
  prepareBroadcast,
  prepareConcat,
  prepareFlip,
  preparePad,
  prepareSlice,
  prepareTranspose,
} from "./movement.ts";
import { prepareThreefry } from "./random.ts";
import { prepareArgMax, prepareCumSum, prepareReduce } from "./reduce.ts";
import type { Run } from "./run.ts";
import { prepareNot, prepareUnary, type UnaryName } from "./unary.ts";

const unary = ({ op }: Kernel<UnaryName>): Run => prepareUnary(op);

const binary = ({ op, operands, output }: Kernel<BinaryName>): Run => {
  const [a, b] = [operands[0]!.spec, operands[1]!.spec];
  const loop = binaryLoop(op, a.dtype);
  if (loop === undefined) {
    throw new DeviceError("reference", `${op} does not take ${formatSpec(a)}`);
  }
  return prepareBinary(loop, output.spec.shape, a.shape, b.shape);
};

/** How each primitive is made ready; the type asks for all of them. */
const table: { readonly [Name in PrimitiveName]: (kernel: Kernel<Name>) => Run } = {
  neg: unary,
  abs: unary,
  sign: unary,
  floor: unary,
  ceil: unary,
  round: unary,
  sqrt: unary,
  cbrt: unary,
  rcbrt: unary,
  exp: unary,
  expm1: unary,
  log: unary,
  log1p: unary,
  sin: unary,
  cos: unary,
  tanh: unary,
  logistic: unary,
  erf: unary,
  isFinite: unary,
  not: ({ output }) => prepareNot(output.spec.dtype),
  cast: ({ operands, params }) => prepareCast(operands[0]!.spec.dtype, params.dtype),
  bitcast: () => bitcast,
  stopGradient: () => copyAll,
  add: binary,
  sub: binary,
  mul: binary,
  div: binary,
  rem: binary,
  pow: binary,
  max: binary,
  min: binary,
  equal: binary,
  less: binary,
  lessEqual: binary,
  and: binary,
  or: binary,
  xor: binary,
  shiftLeft: binary,
  shiftRight: binary,
  select: ({ operands, output }) => {
    const [condition, a, b] = operands.map(({ spec }) => spec.shape);
    return prepareSelect(output.spec.shape, condition!, a!, b!);
  },
  reshape: () => copyAll,
  transpose: prepareTranspose,
  broadcast: prepareBroadcast,
  slice: prepareSlice,
  pad: preparePad,
  concat: prepareConcat,
  flip: prepareFlip,
  gather: prepareGather,
  scatterAdd: prepareScatterAdd,
  reduceSum: prepareReduce,
  reduceMax: prepareReduce,
  reduceMin: prepareReduce,
  argMax: prepareArgMax,
  cumSum: prepareCumSum,
  dot: prepareDot,
  conv: prepareConv,
  customKernel: prepareCustomKernel,
  iota: prepareIota,
  full: prepareFull,
  threefry2x32: prepareThreefry,
};

/** Makes a kernel ready to run. */
export function prepare<Name extends PrimitiveName>(kernel: Kernel<Name>): Run {
  return table[kernel.op](kernel);
}
