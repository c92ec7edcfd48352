import type { KernelOperand } from "../../../src/backend/program.ts";
import { sizeOf, stridesOf } from "../../../src/core/shape.ts";
import type { PrimitiveParams } from "../../../src/graph/instruction-set.ts";
import { storedType } from "../shader.ts";
import { operandText } from "./assemble.ts";
import { coordinates } from "./index-map.ts";
import type { ProductOperand } from "./product.ts";

/** What a convolution does along its spatial axes, and what there is of the others. */
export type PatchGeometry = PrimitiveParams["conv"] & {
  readonly images: number;
  readonly input: readonly number[];
  readonly positions: readonly number[];
  readonly window: readonly number[];
  readonly channels: number;
};

/**
 * The patches of a convolution's images as a matrix that exists nowhere: a row for each position in each image, a
 * column for each channel under each element of the window. `batch` is the group.
 */
export function patchOperand(operand: KernelOperand, geometry: PatchGeometry): ProductOperand {
  const { images, input, positions, window, channels, stride, low, kernelDilation, inputDilation } =
    geometry;
  const scalar = storedType(operand.spec.dtype);
  const strides = stridesOf([...input, channels]);
  const pixels = sizeOf(input);

  return {
    nearest: "depth",
    hasQuads: false,
    text(name) {
      const type = name.toUpperCase();
      const { buffers, at } = operandText(name, operand);
      const fields = input.map((_, axis) => `  at${axis}: i32,\n`).join("");
      const [image, ...position] = coordinates("free", [images, ...positions]);
      const tap = coordinates("depth", [...window, channels]);
      const channel = tap.pop()!;
      const origins = position.map((coordinate, axis) =>
        `, i32(${coordinate}) * ${stride[axis]} - ${low[axis]}`
      );
      const steps = tap.map((coordinate, axis) => `, i32(${coordinate}) * ${kernelDilation[axis]}`);
      const checks = input.map((extent, axis) => {
        const dilation = inputDilation[axis]!;
        // Negative numbers are large as u32.
        const padded = `  let at${axis} = u32(free.at${axis} + depth.at${axis});\n`;
        const pixel = dilation === 1
          ? `  let pixel${axis} = at${axis};\n`
          : `  let pixel${axis} = at${axis} / ${dilation}u;
  inside = inside && at${axis} % ${dilation}u == 0u;
`;
        return `${padded}${pixel}  inside = inside && at${axis} < ${extent * dilation}u;\n`;
      }).join("");
      const offset = input.map((_, axis) => ` + pixel${axis} * ${strides[axis]}u`).join("");
      return {
        buffers,
        functions: `struct ${type}Free {
  start: u32,
${fields}}
struct ${type}Depth {
  channel: u32,
${fields}}
fn ${name}Free(batch: u32, free: u32) -> ${type}Free {
  return ${type}Free((batch * ${images}u + ${image}) * ${pixels * channels}u${origins.join("")});
}
fn ${name}Depth(depth: u32) -> ${type}Depth {
  return ${type}Depth(${channel}${steps.join("")});
}
fn ${name}At(free: ${type}Free, depth: ${type}Depth) -> ${scalar} {
  var inside = true;
${checks}  if (!inside) {
    return ${scalar}();
  }
  return ${at(`free.start + depth.channel${offset}`)};
}
`,
      };
    },
  };
}
