import { type DType, isFloating, isInteger } from "../core/dtype.ts";
import { DTypeError } from "../core/errors.ts";
import { broadcastShapes, sameShape, type Shape, type TensorSpec } from "../core/shape.ts";
import type { ElementwiseName } from "../graph/instruction-set.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { bind } from "../tracing/bind.ts";
import type { Primitive, PrimitiveTable } from "../tracing/primitive.ts";
import { alignBatched } from "./batching.ts";
import {
  abs,
  add,
  broadcastTo,
  cast,
  cos,
  div,
  equal,
  exp,
  floor,
  less,
  log,
  mul,
  neg,
  numberLike,
  pow,
  reduceSum,
  reshape,
  select,
  sign,
  sin,
  sub,
} from "./calls.ts";

/**
 * The derivative of an element-wise function with respect to one operand is diagonal, so one rule serves both
 * directions: it multiplies a tangent or a cotangent by that diagonal.
 */
type Scale = (t: Tensor, operands: readonly Tensor[], result: Tensor) => Tensor;

/** Sums over the axes that broadcasting had repeated: its transpose. */
function unbroadcast(t: Tensor, shape: Shape): Tensor {
  if (sameShape(t.shape, shape)) return t;
  const offset = t.rank - shape.length;
  const repeated = t.shape.flatMap((extent, axis) =>
    axis < offset || (shape[axis - offset] === 1 && extent !== 1) ? [axis] : []
  );
  return reshape(reduceSum(t, repeated), shape);
}

type DTypeRule = (name: string, ...dtypes: DType[]) => DType;

/** `scales[i]` differentiates by operand i; undefined where that derivative is zero. */
function elementwise<Name extends ElementwiseName>(
  name: Name,
  dtypeRule: DTypeRule,
  scales: readonly (Scale | undefined)[] = [],
): Primitive<Name> {
  const derivative: Pick<Primitive<Name>, "jvp" | "vjp"> = {
    jvp(_params, tangents, operands, result) {
      let sum: Tensor | undefined;
      tangents.forEach((tangent, i) => {
        const scaled = tangent && scales[i]?.(tangent, operands, result);
        if (scaled) sum = sum === undefined ? scaled : add(sum, scaled);
      });
      return sum && broadcastTo(sum, result.shape);
    },
    vjp(_params, cotangent, operands, result, needed) {
      return operands.map((operand, i) => {
        const scale = needed[i] ? scales[i] : undefined;
        return scale && unbroadcast(scale(cotangent, operands, result), operand.shape);
      });
    },
  };
  return {
    infer(_params, ...operands: TensorSpec[]) {
      const dtype = dtypeRule(name, ...operands.map((operand) => operand.dtype));
      return { shape: broadcastShapes(name, ...operands.map((operand) => operand.shape)), dtype };
    },
    ...(scales.length > 0 ? derivative : {}),
    batch: (params, operands, batched) => bind(name, params, alignBatched(operands, batched)),
  };
}

/** All operands have one dtype, which `accepts`; the result has it too, or `result`. */
function same(accepts: (dtype: DType) => boolean, expected: string, result?: DType): DTypeRule {
  return (name, ...dtypes) => {
    const [first] = dtypes;
    if (dtypes.some((dtype) => dtype !== first || !accepts(dtype))) {
      throw new DTypeError(name, `cannot take ${dtypes.join(" and ")}; expected ${expected}`);
    }
    return result ?? first!;
  };
}

const computes = (dtype: DType) => dtype === "float32" || dtype === "float64";
const isNumber = (dtype: DType) => computes(dtype) || isInteger(dtype);
const isBits = (dtype: DType) => isInteger(dtype) || dtype === "bool";

const floating = same(computes, "float32 or float64");
const number = same(isNumber, "one numeric dtype (float32, float64, int32 or uint32)");
const bits = same(isBits, "one of bool, int32 and uint32");
const integer = same(isInteger, "int32 or uint32");
const compares = same((dtype) => dtype !== "bfloat16", "one dtype other than bfloat16", "bool");
const floatingToBool = same(computes, "float32 or float64", "bool");

const signed: DTypeRule = (name, dtype) => {
  if (dtype !== "uint32") return number(name, dtype!);
  throw new DTypeError(name, `cannot take uint32; expected a signed dtype`);
};

const selects: DTypeRule = (name, condition, a, b) => {
  if (condition !== "bool" || a !== b) {
    throw new DTypeError(
      name,
      `cannot take ${condition}, ${a} and ${b}; expected a bool condition and two tensors of one dtype`,
    );
  }
  return a!;
};

/** Half of the derivative to each side where both are equal, as JAX does. */
const chosen = (wins: (operands: readonly Tensor[]) => Tensor): Scale => (t, operands) => {
  const [a, b] = operands;
  const half = mul(t, numberLike(0.5, t));
  const zero = numberLike(0, t);
  return select(wins(operands), t, select(equal(a!, b!), half, zero));
};

/** The truncated quotient. */
function quotient(a: Tensor, b: Tensor): Tensor {
  const ratio = div(a, b);
  return mul(sign(ratio), floor(abs(ratio)));
}

const identity: Scale = (t) => t;

export const elementwisePrimitives: Pick<PrimitiveTable, ElementwiseName> = {
  neg: elementwise("neg", signed, [(t) => neg(t)]),
  abs: elementwise("abs", signed, [(t, [x]) => mul(t, sign(x!))]),
  sign: elementwise("sign", signed),
  floor: elementwise("floor", floating),
  ceil: elementwise("ceil", floating),
  round: elementwise("round", floating),
  sqrt: elementwise("sqrt", floating, [(t, _x, y) => div(mul(t, numberLike(0.5, t)), y)]),
  cbrt: elementwise("cbrt", floating, [(t, _x, y) => div(t, mul(mul(y, y), numberLike(3, y)))]),
  // -x^(-4/3) / 3
  rcbrt: elementwise("rcbrt", floating, [
    (t, _x, y) => mul(t, mul(mul(mul(y, y), mul(y, y)), numberLike(-1 / 3, y))),
  ]),
  exp: elementwise("exp", floating, [(t, _x, y) => mul(t, y)]),
  expm1: elementwise("expm1", floating, [(t, _x, y) => mul(t, add(y, numberLike(1, y)))]),
  log: elementwise("log", floating, [(t, [x]) => div(t, x!)]),
  log1p: elementwise("log1p", floating, [(t, [x]) => div(t, add(x!, numberLike(1, x!)))]),
  sin: elementwise("sin", floating, [(t, [x]) => mul(t, cos(x!))]),
  cos: elementwise("cos", floating, [(t, [x]) => neg(mul(t, sin(x!)))]),
  tanh: elementwise("tanh", floating, [(t, _x, y) => mul(t, sub(numberLike(1, y), mul(y, y)))]),
  logistic: elementwise("logistic", floating, [
    (t, _x, y) => mul(t, mul(y, sub(numberLike(1, y), y))),
  ]),
  // d erf(x) / dx = 2 exp(-x^2) / sqrt(pi)
  erf: elementwise("erf", floating, [
    (t, [x]) => mul(t, mul(numberLike(2 / Math.sqrt(Math.PI), t), exp(neg(mul(x!, x!))))),
  ]),
  isFinite: elementwise("isFinite", floatingToBool),
  not: elementwise("not", bits),
  stopGradient: elementwise("stopGradient", (_name, dtype) => dtype!),

  add: elementwise("add", number, [identity, identity]),
  sub: elementwise("sub", number, [identity, (t) => neg(t)]),
  mul: elementwise("mul", number, [(t, [, b]) => mul(t, b!), (t, [a]) => mul(t, a!)]),
  div: elementwise("div", floating, [
    (t, [, b]) => div(t, b!),
    (t, [, b], y) => neg(div(mul(t, y), b!)),
  ]),
  rem: elementwise("rem", number, [identity, (t, [a, b]) => neg(mul(t, quotient(a!, b!)))]),
  pow: elementwise("pow", floating, [
    // b a^(b-1), and 0 where b = 0 whatever a is.
    (t, [a, b]) => {
      const isZero = equal(b!, numberLike(0, b!));
      const one = numberLike(1, b!);
      const slope = mul(b!, pow(a!, select(isZero, one, sub(b!, one))));
      return mul(t, select(isZero, numberLike(0, t), slope));
    },
    // a^b log a, and 0 at a = 0, its limit for b > 0.
    (t, [a], y) => {
      const isZero = equal(a!, numberLike(0, a!));
      return mul(t, mul(y, log(select(isZero, numberLike(1, a!), a!))));
    },
  ]),
  max: elementwise("max", number, [
    chosen(([a, b]) => less(b!, a!)),
    chosen(([a, b]) => less(a!, b!)),
  ]),
  min: elementwise("min", number, [
    chosen(([a, b]) => less(a!, b!)),
    chosen(([a, b]) => less(b!, a!)),
  ]),
  equal: elementwise("equal", compares),
  less: elementwise("less", compares),
  lessEqual: elementwise("lessEqual", compares),
  and: elementwise("and", bits),
  or: elementwise("or", bits),
  xor: elementwise("xor", bits),
  shiftLeft: elementwise("shiftLeft", integer),
  shiftRight: elementwise("shiftRight", integer),
  select: elementwise("select", selects, [
    undefined,
    (t, [condition]) => select(condition!, t, numberLike(0, t)),
    (t, [condition]) => select(condition!, numberLike(0, t), t),
  ]),

  cast: {
    infer: ({ dtype }, { shape }) => ({ shape, dtype }),
    jvp: ({ dtype }, [tangent]) => isFloating(dtype) && tangent ? cast(tangent, dtype) : undefined,
    vjp: (
      _params,
      cotangent,
      [x],
    ) => [isFloating(x!.dtype) ? cast(cotangent, x!.dtype) : undefined],
    batch: ({ dtype }, [x]) => cast(x!, dtype),
  },
  bitcast: {
    infer({ dtype }, x) {
      const widths: Partial<Record<DType, number>> = { float32: 32, int32: 32, uint32: 32 };
      if (widths[x.dtype] === undefined || widths[x.dtype] !== widths[dtype]) {
        throw new DTypeError(
          "bitcast",
          `cannot see ${x.dtype} as ${dtype}; expected two of float32, int32 and uint32`,
        );
      }
      return { shape: x.shape, dtype };
    },
    batch: (params, operands) => bind("bitcast", params, operands),
  },
};
