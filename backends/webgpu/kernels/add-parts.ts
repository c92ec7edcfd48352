import type { DType } from "../../../src/core/dtype.ts";
import { type Shader, type ShaderLimits, storedType } from "../shader.ts";
import { assembleEach } from "./assemble.ts";

interface Parts {
  readonly dtype: DType;
  /** Elements in a part. */
  readonly count: number;
  readonly parts: number;
  /** The buffer in which they lie one behind the other. */
  readonly source: number;
  readonly target: number;
}

/** Adds parts of a result in their order, so that the sum does not depend on which was ready first. */
export function addParts(
  { dtype, count, parts, source, target }: Parts,
  limits: ShaderLimits,
): Shader {
  const scalar = storedType(dtype);
  return assembleEach({
    label: `sum of ${parts} parts`,
    buffers: [
      { name: "parts", buffer: source, element: scalar },
      { name: "out", buffer: target, element: scalar, writes: true },
    ],
    count,
    limits,
    body: `  var sum = parts[i];
  for (var at = i + ${count}u; at < ${parts * count}u; at += ${count}u) {
    sum += parts[at];
  }
  out[i] = sum;
`,
  });
}
