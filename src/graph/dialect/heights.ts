import type { Item } from "./items.ts";
import type { Refuse } from "./reader.ts";

/**
 * Levels of an expression, as shaders have them: one for each call and each pair of parentheses. Compilers take about 120
 * of them, together with those of blocks.
 */
const tallest = 70;

/** So many operators of a longer sum are one level together. */
const termsAtOnce = 8;
const fewTerms = 3;

/** Refuses expressions that compilers of shaders would. The items come after those that lie in them. */
export function checkHeights(items: readonly Item[], refuse: Refuse): void {
  const stack: { readonly start: number; readonly height: number; readonly terms: number }[] = [];
  for (const item of items) {
    let height = 0;
    let terms = 1;
    while (stack.length > 0 && stack.at(-1)!.start >= item.start) {
      const inner = stack.pop()!;
      height = Math.max(height, inner.height);
      if (inner.start === item.start) terms += inner.terms;
    }
    if (!isSum(item)) terms = 0;
    height += terms > fewTerms ? Number(terms % termsAtOnce === 0) : levelsOf(item);
    if (height > tallest) {
      refuse(item.start, "an expression of too many levels; write it in several statements");
    }
    stack.push({ start: item.start, height, terms });
  }
}

function isSum(item: Item): boolean {
  return item.kind === "binary" && (item.operator === "+" || item.operator === "-");
}

function levelsOf(item: Item): number {
  switch (item.kind) {
    case "unary":
    case "binary":
      if (/^(?:[~|&^]|<<|>>>?)$/.test(item.operator)) return 4;
      return /[=<>]/.test(item.operator) ? 3 : 2;
    case "element":
      return 4;
    case "test":
      return 2;
    case "call":
    case "choice":
      return 1;
    default:
      return 0;
  }
}
