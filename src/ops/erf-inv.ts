import { inNameOf } from "../core/in-name-of.ts";
import {
  abs,
  add,
  equal,
  less,
  log1p,
  max as maxPrimitive,
  mul,
  neg,
  numberLike,
  select,
  sqrt,
  sub,
} from "../primitives/mod.ts";
import type { Tensor, TensorLike } from "../tensor/tensor.ts";
import { promoteFloating } from "./promote.ts";

/** A polynomial in `root ? sqrt(w) - center : w - center`, for w below `limit`. */
interface Piece {
  readonly limit: number;
  readonly root: boolean;
  readonly center: number;
  /** Highest power first. */
  readonly coefficients: readonly number[];
}

// M. Giles, "Approximating the erfinv function" (GPU Computing Gems, 2010): erfInv(x) = x p(w) with
// w = -log(1 - x^2), by pieces; the first table to single precision, the second to double.
// deno-fmt-ignore -- tables
const single: readonly Piece[] = [
  {
    limit: 5,
    root: false,
    center: 2.5,
    coefficients: [
      2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503,
      -0.00417768164, 0.246640727, 1.50140941,
    ],
  },
  {
    limit: Infinity,
    root: true,
    center: 3,
    coefficients: [
      -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613,
      0.00943887047, 1.00167406, 2.83297682,
    ],
  },
];

// deno-fmt-ignore -- tables
const double: readonly Piece[] = [
  {
    limit: 6.25,
    root: false,
    center: 3.125,
    coefficients: [
      -3.6444120640178196996e-21, -1.685059138182016589e-19, 1.2858480715256400167e-18,
      1.115787767802518096e-17, -1.333171662854620906e-16, 2.0972767875968561637e-17,
      6.6376381343583238325e-15, -4.0545662729752068639e-14, -8.1519341976054721522e-14,
      2.6335093153082322977e-12, -1.2975133253453532498e-11, -5.4154120542946279317e-11,
      1.051212273321532285e-09, -4.1126339803469836976e-09, -2.9070369957882005086e-08,
      4.2347877827932403518e-07, -1.3654692000834678645e-06, -1.3882523362786468719e-05,
      0.0001867342080340571352, -0.00074070253416626697512, -0.0060336708714301490533,
      0.24015818242558961693, 1.6536545626831027356,
    ],
  },
  {
    limit: 16,
    root: true,
    center: 3.25,
    coefficients: [
      2.2137376921775787049e-09, 9.0756561938885390979e-08, -2.7517406297064545428e-07,
      1.8239629214389227755e-08, 1.5027403968909827627e-06, -4.013867526981545969e-06,
      2.9234449089955446044e-06, 1.2475304481671778723e-05, -4.7318229009055733981e-05,
      6.8284851459573175448e-05, 2.4031110387097893999e-05, -0.0003550375203628474796,
      0.00095328937973738049703, -0.0016882755560235047313, 0.0024914420961078508066,
      -0.0037512085075692412107, 0.005370914553590063617, 1.0052589676941592334,
      3.0838856104922207635,
    ],
  },
  {
    limit: Infinity,
    root: true,
    center: 5,
    coefficients: [
      -2.7109920616438573243e-11, -2.5556418169965252055e-10, 1.5076572693500548083e-09,
      -3.7894654401267369937e-09, 7.6157012080783393804e-09, -1.4960026627149240478e-08,
      2.9147953450901080826e-08, -6.7711997758452339498e-08, 2.2900482228026654717e-07,
      -9.9298272942317002539e-07, 4.5260625972231537039e-06, -1.9681778105531670567e-05,
      7.5995277030017761139e-05, -0.00021503011930044477347, -0.00013871931833623122026,
      1.0103004648645343977, 4.8499064014085844221,
    ],
  },
];

/**
 * The inverse of `erf`: ±Infinity at ±1, NaN beyond. float32 is accurate to about 6e-6 relative, as in JAX.
 *
 * @throws {DTypeError} if the dtype does not compute (bfloat16).
 *
 * @example
 * ```ts
 * import { erf, erfInv, tensor } from "softstep";
 *
 * console.log(erf(erfInv(tensor(0.5))).item()); // => 0.5
 * ```
 */
export function erfInv(x: TensorLike): Tensor {
  const [value] = promoteFloating("erfInv", x);
  return inNameOf("erfInv", () => {
    const one = numberLike(1, value!);
    // The ends are kept out of the polynomial, whose derivative there is NaN.
    const isEnd = equal(abs(value!), one);
    const end = mul(select(isEnd, value!, one), numberLike(Infinity, value!));
    const y = select(isEnd, numberLike(0, value!), value!);
    const w = neg(log1p(neg(mul(y, y))));
    const pieces = y.dtype === "float64" ? double : single;

    let factor: Tensor | undefined;
    for (const piece of pieces.toReversed()) {
      const polynomial = evaluate(piece, w, pieces);
      factor = factor === undefined
        ? polynomial
        : select(less(w, numberLike(piece.limit, w)), polynomial, factor);
    }
    return select(isEnd, end, mul(y, factor!));
  });
}

function evaluate(
  { root, center, coefficients }: Piece,
  w: Tensor,
  pieces: readonly Piece[],
): Tensor {
  // Below its range the root piece is not used; keeping w away from 0 keeps its derivative finite there.
  const argument = root ? sqrt(maxPrimitive(w, numberLike(pieces[0]!.limit, w))) : w;
  const t = sub(argument, numberLike(center, w));
  return coefficients.slice(1).reduce(
    (sum, coefficient) => add(mul(sum, t), numberLike(coefficient, w)),
    numberLike(coefficients[0]!, w),
  );
}
