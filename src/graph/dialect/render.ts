import type { Item, Span } from "./items.ts";

const inWord = /[\w$]/;

/**
 * The text of a piece of a kernel's function with its items replaced. `replace` is given the outermost ones, and the way
 * to write what lies in them.
 */
export function renderKernel(
  source: string,
  items: readonly Item[],
  piece: Span,
  replace: (item: Item, render: (piece: Span) => string) => string,
): string {
  // From the last item on, each comes before those that lie in it.
  const fromLast = items.toReversed();
  const render = ({ start, end }: Span): string => {
    let text = "";
    let rest = end;
    for (const item of fromLast) {
      if (item.end > rest || item.start < start) continue;
      const own = replace(item, render);
      // Minified text has `return-x` and `else++i`.
      const gap = inWord.test(source[item.start - 1] ?? "") && inWord.test(own[0]!) ? " " : "";
      text = gap + own + source.slice(item.end, rest) + text;
      rest = item.start;
    }
    return source.slice(start, rest) + text;
  };
  return render(piece);
}
