import type { Func, FuncRef, Local, ModuleBuilder, Value } from "../module.ts";
import { f64, i32, i64, select } from "../opcodes.ts";

/** The binary digits of 2/pi after the point, 32 a word. */
// deno-fmt-ignore
const digits = [
  0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab, 0xdebbc561, 0xb7246e3a,
  0x424dd2e0, 0x06492eea, 0x09d1921c, 0xfe1deb1c, 0xb129a73e, 0xe88235f5, 0x2ebb4484, 0xe99c7026, 0xb45f7e41,
  0x3991d639, 0x835339f4, 0x9c845f8b, 0xbdf9283b, 0x1ff897ff, 0xde05980f, 0xef2f118b, 0x5a0a6d1f, 0x6d367ecf,
  0x27cb09b7, 0x4f463f66, 0x9e5fea2d, 0x7527bac7, 0xebe5f17b, 0x3d0739f7, 0x8a5292ea, 0x6bfb5fb1, 0x1f8d5d08,
  0x56033046, 0xfc7b6bab,
];

/** So many words of the product count: the angle keeps 53 good bits even where 61 of its first cancel. */
const words = 7;

/**
 * x = n pi/2 + r, |r| <= pi/4, for any finite |x| >= 2^20 (Payne and Hanek's reduction): a function that gives r, or n
 * modulo 4. With x = m 2^e, words of 2/pi whose product with x is a multiple of 4 are left out.
 */
export function makeHugeAngle(module: ModuleBuilder, want: "rest"): FuncRef<"f64">;
export function makeHugeAngle(module: ModuleBuilder, want: "quadrant"): FuncRef<"i32">;
export function makeHugeAngle(
  module: ModuleBuilder,
  want: "rest" | "quadrant",
): FuncRef<"f64"> | FuncRef<"i32"> {
  const mask = i64.shr_u(i64.const(-1), i64.const(32));
  const low = (x: Value<"i64">): Value<"i64"> => i64.and(x, mask);
  const high = (x: Value<"i64">): Value<"i64"> => i64.shr_u(x, i64.const(32));

  const emit = (f: Func, x: Local<"f64">): void => {
    const bits = f.local("i64", i64.reinterpret_f64(x));
    const biased = i32.and(i32.wrap_i64(i64.shr_u(bits, i64.const(52))), i32.const(0x7ff));
    const exponent = f.local("i32", i32.sub(biased, i32.const(1075)));
    const upper = i64.or(
      i64.and(i64.shr_u(bits, i64.const(32)), i64.const(0xfffff)),
      i64.const(0x100000),
    );
    const m1 = f.local("i64", upper);
    const m0 = f.local("i64", low(bits));
    // Word i of 2/pi counts 2^(e - 32 (i + 1)) each; the first that is no multiple of 4:
    const above = f.local("i32", i32.sub(exponent, i32.const(2)));
    const first = f.local("i32", i32.shr_s(above, i32.const(5)));
    const shift = f.local("i64", i64.extend_i32_u(i32.and(above, i32.const(31))));

    const product = Array.from({ length: words + 1 }, () => f.local("i64"));
    const word = f.local("i64");
    const carry = f.local("i64");
    // Schoolbook from the least word on; what would go beyond the first word is a multiple of 4.
    for (let j = words - 1; j >= 0; j--) {
      const index = f.local("i32", i32.add(first, i32.const(j)));
      f.set(word, i64.const(0));
      digits.forEach((value, i) => {
        f.if(
          i32.eq(index, i32.const(i)),
          () => f.set(word, low(i64.const(value))),
        );
      });
      f.set(carry, i64.add(product[j]!, i64.mul(word, m0)));
      f.set(product[j]!, low(carry));
      if (j === 0) continue;
      f.set(carry, i64.add(high(carry), i64.add(product[j - 1]!, i64.mul(word, m1))));
      f.set(product[j - 1]!, low(carry));
      if (j > 1) f.set(product[j - 2]!, i64.add(product[j - 2]!, high(carry)));
    }
    // The point behind the two uppermost bits of the first word.
    for (let j = 0; j < words; j++) {
      const next = i64.shr_u(product[j + 1]!, i64.sub(i64.const(32), shift));
      f.set(product[j]!, low(i64.or(i64.shl(product[j]!, shift), next)));
    }
    const quadrant = f.local("i32", i32.wrap_i64(i64.shr_u(product[0]!, i64.const(30))));
    f.set(product[0]!, i64.and(product[0]!, i64.const(0x3fffffff)));
    const sign = f.local("f64", f64.copysign(f64.const(1), x));
    const isUpper = i64.lt_u(i64.const(0x1fffffff), product[0]!);
    f.if(isUpper, () => {
      // To the nearest whole number: from above, the complement remains.
      f.set(quadrant, i32.add(quadrant, i32.const(1)));
      f.set(sign, f64.neg(sign));
      f.set(product[0]!, i64.sub(i64.const(0x3fffffff), product[0]!));
      for (let j = 1; j < words; j++) f.set(product[j]!, i64.xor(product[j]!, mask));
    });
    if (want === "quadrant") {
      const negative = f64.lt(x, f64.const(0));
      f.return(i32.and(
        select(negative, i32.sub(i32.const(0), quadrant), quadrant),
        i32.const(3),
      ));
      return;
    }
    let fraction: Value<"f64"> = f64.const(0);
    for (let j = words - 1; j >= 0; j--) {
      // All words are below 2^32: conversions are exact.
      const part = f64.convert_i32_u(i32.wrap_i64(product[j]!));
      fraction = f64.add(fraction, f64.mul(part, f64.const(2 ** (-30 - 32 * j))));
    }
    f.return(f64.mul(f64.mul(fraction, sign), f64.const(Math.PI / 2)));
  };
  return want === "rest" ? module.func(["f64"], "f64", emit) : module.func(["f64"], "i32", emit);
}
