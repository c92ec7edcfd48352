/** Products and quotients, which drivers rearrange as if numbers were real: where that has to be kept from them. */
import type { Product, Value } from "./value.ts";

/** What a product or a quotient of these is; its opposite and its size are the same product. */
export function productOf(op: string, args: readonly Value[]): Product | undefined {
  if (op === "neg" || op === "abs") {
    const { name, product } = args[0]!;
    return product && { ...product, parts: new Set([name, ...product.parts]) };
  }
  if (op !== "mul" && op !== "div") return undefined;
  const seen = args.filter((_, side) => !isCovered(op, args, side));
  return {
    parts: new Set(args.flatMap(partsOf)),
    divides: op === "div" || args.some(({ product }) => product?.divides),
    depth: 1 + Math.max(0, ...seen.map(({ product }) => product?.depth ?? 0)),
  };
}

/**
 * Whether drivers are not to know of a factor. They bring literals together, so that a product overflows where it should
 * not, take x * y / y for x, and multiply four factors in pairs.
 */
export function isCovered(op: "mul" | "div", args: readonly Value[], side: number): boolean {
  const { literal, product } = args[side]!;
  const cancels = op === "div" || args.some(({ product }) => product?.divides);
  return literal !== undefined || (product?.depth ?? 0) > 1 || (cancels && shareFactors(args));
}

/** Whether two values, one of which is a product or a quotient, have something in common. */
export function shareFactors([a, b]: readonly Value[]): boolean {
  if (a!.product === undefined && b!.product === undefined) return false;
  const parts = new Set(partsOf(a!));
  return partsOf(b!).some((part) => parts.has(part));
}

function partsOf({ name, product }: Value): string[] {
  return [name, ...(product?.parts ?? [])];
}
