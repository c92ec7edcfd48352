/** A user's function as a kernel of gpu.js: with our functions for those of Math that gpu.js gets wrong. */
import type { Kernel } from "../../src/backend/program.ts";
import { KernelError, SoftstepError } from "../../src/core/errors.ts";
import { sizeOf, stridesOf } from "../../src/core/shape.ts";
import type { Item, Span } from "../../src/graph/dialect/items.ts";
import { parseKernel } from "../../src/graph/dialect/parse.ts";
import { renderKernel } from "../../src/graph/dialect/render.ts";
import { exactBound } from "./exactness.ts";
import type { KernelSource } from "./kernel-source.ts";
import type { KernelLimits } from "./loop-kernels.ts";
import { createWriter, type Writer } from "./writer.ts";

/** A kernel and the extents of its arrays, innermost first. */
export interface CustomSource extends KernelSource {
  readonly sizes: readonly (readonly number[])[];
  readonly loopMaxIterations: number;
}

/**
 * The kernel; undefined where it is larger than gpu.js can count, or has operators that gpu.js gets wrong. Elements are
 * read by one index ("flat"), or by one for each axis ("nested"), which is exact for any size but asks that the arrays
 * know their extents.
 */
export function customKernelSource(
  { params, operands, output }: Kernel<"customKernel">,
  { threads, threadsInARow, arrays: mostArrays, rounds, lacksBits }: KernelLimits,
  indices: "flat" | "nested",
): CustomSource | undefined {
  const extents = output.spec.shape.length === 0 ? [1] : output.spec.shape.toReversed();
  if (sizeOf(extents) === 0) return undefined;
  const most = extents.length === 1 ? [threadsInARow] : threads;
  if (extents.some((extent, axis) => extent > most[axis]!)) return undefined;
  const shapes = operands.map(({ spec }) => spec.shape);
  // Variables are float32, in which positions and what is made of them must be exact.
  const counted = indices === "flat" ? shapes.map(sizeOf) : shapes.flat();
  if ([...extents, ...counted].some((count) => count > exactBound)) return undefined;

  const { source, name } = params;
  if (lacksBits && bitOperator.test(source)) return undefined;
  const { items, body } = parseKernel(name, source, shapes.map(({ length }) => length));
  const writer = createWriter(rounds);
  const constants = new Map(params.constants);
  const arrays: { readonly buffer: number; readonly shape: readonly number[] }[] = [];

  /** The name of an array; equal arguments are one. */
  function arrayText(input: number): string {
    const operand = operands[input]!;
    const buffer = "literal" in operand ? -1 : operand.buffer;
    const shape = shapes[input]!;
    let at = arrays.findIndex((each) =>
      each.buffer === buffer && String(each.shape) === String(shape)
    );
    if (at < 0) at = arrays.push({ buffer, shape }) - 1;
    return `a${at}`;
  }

  function elementText(input: number, at: readonly string[]): string {
    const array = arrayText(input);
    if (indices === "nested") return array + at.map((index) => `[${index}]`).join("");
    const strides = stridesOf(shapes[input]!);
    const terms = at.map((index, axis) =>
      strides[axis] === 1 ? `(${index})` : `(${index}) * ${strides[axis]}`
    );
    return `${array}[${terms.join(" + ")}]`;
  }

  function replace(item: Item, render: (piece: Span) => string): string {
    switch (item.kind) {
      case "name": {
        // Every variable has a name of its own: gpu.js declares those of some loops outside of them.
        if (item.declaration >= operands.length) return `v${item.declaration}`;
        const operand = operands[item.declaration]!;
        return "literal" in operand
          ? numberText(writer, operand.literal)
          : `${arrayText(item.declaration)}[0]`;
      }
      case "step":
        // gpu.js knows ++ of integers only, and takes some variables of loops for floats.
        return `v${item.declaration} += ${item.by}`.replace("+= -", "-= ");
      case "element":
        return elementText(item.input, item.indices.map(render));
      case "length":
        return String(shapes[item.input]![item.axis]!);
      case "constant":
        return numberText(writer, constants.get(item.name)!);
      case "position":
        // gpu.js knows nothing of axes that the result has not.
        if (item.of === "output") return String(extents[item.axis] ?? 1);
        return item.axis < extents.length ? `this.thread.${"xyz"[item.axis]}` : "0";
      case "truth":
        return String(item.value);
      case "choice": {
        // GLSL has no choice between a float and an integer, as which gpu.js takes positions.
        const [one, other] = [item.one, item.other].map((each) =>
          writer.call("floatOf", render(each))
        );
        return `(${render(item.condition)} ? ${one} : ${other})`;
      }
      case "call":
        return callText(writer, item.name, item.args.map(render));
    }
  }

  const text = renderKernel(source, items, body, replace);
  if (arrays.length > mostArrays) return undefined;
  const result = { buffer: output.buffer, dtype: "float32" } as const;
  const { functions, numbers } = writer.finish("0", extents, result);
  const parameters = [...arrays.map((_, i) => `a${i}`), ...numbers.map((_, i) => `s${i}`)];
  return {
    source: `function kernel(${parameters.join(", ")}) {${text}}`,
    functions,
    arrays: arrays.map(({ buffer }) => ({ buffer, dtype: "float32" })),
    sizes: arrays.map(({ shape }) =>
      indices === "flat" || shape.length === 0 ? [sizeOf(shape)] : shape.toReversed()
    ),
    numbers,
    output: extents,
    result,
    readsInPlace: [],
    // gpu.js ends loops whose bounds are no constants.
    loopMaxIterations: 2 ** 31 - 1,
  };
}

/** An operator on bits; what a comment has of them does no harm. */
const bitOperator = /[~^]|<<|>>|[^|]\|[^|]|[^&]&[^&]/;

/** Whole numbers as they stand, so that they can bound a loop; others as arguments. */
function numberText(writer: Writer, value: number): string {
  const isPlain = Number.isInteger(value) && Math.abs(value) <= exactBound && !Object.is(value, -0);
  if (!isPlain) return writer.hidden(Math.fround(value));
  return value < 0 ? `(-${-value})` : String(value);
}

/** Functions of functions.ts with the meaning of those of Math. */
const ours: Readonly<Record<string, string>> = {
  cbrt: "cbrtOf",
  cos: "cosOf",
  exp: "expOf",
  expm1: "expm1Of",
  log: "logOf",
  log1p: "log1pOf",
  max: "largerOf",
  min: "smallerOf",
  pow: "powOf",
  sign: "signOf",
  sin: "sinOf",
  tanh: "tanhOf",
};

function callText(writer: Writer, name: string, args: readonly string[]): string {
  const own = ours[name];
  if (own !== undefined) return writer.call(own, ...args);
  switch (name) {
    case "log2":
      return `(${writer.call("logOf", ...args)} * ${Math.LOG2E})`;
    case "tan":
      return `(${writer.call("sinOf", ...args)} / ${writer.call("cosOf", ...args)})`;
    case "log10":
      return `(${writer.call("logOf", ...args)} * ${Math.LOG10E})`;
    case "round":
      // Halves go up; WGSL's own rounds them to even.
      return `Math.floor((${args[0]}) + 0.5)`;
    default:
      return `Math.${name}(${args.join(", ")})`;
  }
}

/** What gpu.js has against a user's function, said as such. */
export function compileError(name: string, error: unknown): SoftstepError {
  if (error instanceof SoftstepError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new KernelError("customKernel", `gpu.js does not compile ${name}: ${text}`);
}
