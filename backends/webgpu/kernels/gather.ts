import type { DType } from "../../../src/core/dtype.ts";
import type { Kernel } from "../../../src/backend/program.ts";
import { sizeOf } from "../../../src/core/shape.ts";
import type { Lowered, ShaderLimits } from "../shader.ts";
import { assembleEach, bufferOf, operandText } from "./assemble.ts";

/** What an index out of range gives: the bits of the smallest integer, of false, or of NaN. */
function outside(dtype: DType): string {
  if (dtype === "int32") return "0x80000000u";
  return dtype === "uint32" || dtype === "bool" ? "0u" : "0x7fc00000u";
}

/** `gather`: an invocation an element, or four where rows are multiples of four. Elements are moved as bits. */
export function lowerGather(
  { params: { axis }, operands, output }: Kernel<"gather">,
  _firstBuffer: number,
  limits: ShaderLimits,
): Lowered {
  const [x, indices] = [operands[0]!, operands[1]!];
  const { shape, dtype } = x.spec;
  const total = sizeOf(output.spec.shape);
  if (total === 0) return { shaders: [], buffers: [] };
  const extent = shape[axis]!;
  const row = sizeOf(shape.slice(axis + 1));
  const width = row % 4 === 0 ? 4 : 1;
  const inner = row / width;
  const count = sizeOf(indices.spec.shape);
  const element = width === 4 ? "vec4<u32>" : "u32";
  const index = operandText("indices", indices);
  // A row of none cannot be bound; then all indices are out of range.
  const source = { name: "x", buffer: bufferOf(x), element };
  const inRange = `  let index: i32 = ${index.at(`i / ${inner}u % ${count}u`)};
  if (u32(index) < ${extent}u) {
    out[i] = x[(i / ${inner * count}u * ${extent}u + u32(index)) * ${inner}u + i % ${inner}u];
    return;
  }
`;
  const shader = assembleEach({
    label: "gather",
    buffers: [
      ...(extent === 0 ? [] : [source, ...index.buffers]),
      { name: "out", buffer: output.buffer, element, writes: true },
    ],
    count: total / width,
    limits,
    body: `${extent > 0 ? inRange : ""}  out[i] = ${element}(${outside(dtype)});\n`,
  });
  return { shaders: [shader], buffers: [] };
}
