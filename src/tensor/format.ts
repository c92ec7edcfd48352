import type { TensorSpec } from "../core/shape.ts";

// At most this many elements at either end of an axis, once there are more than `summarizeFrom`.
const edge = 3;
const summarizeFrom = 100;

/** The elements as nested lists, `[[1, 2], [3, 4]]`, with `...` where there are many. */
export function formatElements({ shape, dtype }: TensorSpec, elements: ArrayLike<number>): string {
  const summarize = elements.length > summarizeFrom;
  const format = (axis: number, offset: number, stride: number): string => {
    if (axis === shape.length) return formatElement(elements[offset]!, dtype);
    const extent = shape[axis]!;
    const inner = stride / extent;
    const parts: string[] = [];
    for (let i = 0; i < extent; i++) {
      if (summarize && extent > 2 * edge && i === edge) {
        parts.push("...");
        i = extent - edge;
      }
      parts.push(format(axis + 1, offset + i * inner, inner));
    }
    return `[${parts.join(", ")}]`;
  };
  return format(0, 0, elements.length);
}

function formatElement(value: number, dtype: TensorSpec["dtype"]): string {
  if (dtype === "bool") return value !== 0 ? "true" : "false";
  if (Object.is(value, -0)) return "-0";
  // Seven significant digits tell all that a float32 holds at a glance.
  return dtype === "float32" || dtype === "bfloat16"
    ? String(Number(value.toPrecision(7)))
    : String(value);
}
