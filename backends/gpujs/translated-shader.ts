/** Kernels in gpu.js's dialect as WGSL that needs nothing but buffers. */
import type { DType } from "../../src/core/dtype.ts";
import {
  accessorOf,
  declaredArray,
  declaredResult,
  type HelperFunction,
  mainHead,
  type TranslatedKernel,
  type Translator,
  unexpectedTranslation,
} from "./gpu.ts";
import { isOfFours, withFourElements } from "./four-elements.ts";
import type { ArrayArgument } from "./kernel-source.ts";
import { inWgsl, type WgslLibrary } from "./wgsl-functions.ts";

/** A kernel whose arrays and result are buffers. A result over an array that each thread reads at its own place is fine. */
export interface PlacedKernel {
  readonly source: string;
  readonly functions: readonly HelperFunction[];
  /** Names of those that are stubs for functions of WGSL. */
  readonly stubs?: readonly string[];
  readonly arrays: readonly (ArrayArgument & { readonly size: readonly number[] })[];
  readonly numbers: readonly number[];
  /** One to three extents of the result, innermost first. */
  readonly output: readonly number[];
  readonly result: ArrayArgument;
  readonly loopMaxIterations?: number;
  /** Whether numbers in its text may make constant expressions that WGSL refuses, such as 1 / 0. */
  readonly hidesNumbers?: boolean;
}

/** One dispatch; `@group(0) @binding(i)` is `bindings[i]`. */
export interface TranslatedShader {
  readonly code: string;
  readonly bindings: readonly { readonly buffer: number; readonly writes: boolean }[];
  readonly workgroups: readonly [number, number, number];
  readonly label: string;
  /** The user's function that it was made of. */
  readonly kernel?: string;
}

/** What a device lets a shader have. */
export interface TranslatedLimits {
  readonly workgroupsPerDimension: number;
}

/** Threads of a workgroup of a kernel of one axis; gpu.js takes 64, which costs a tenth more. */
const perRow = 256;

/** What makes WGSL of kernels. */
export interface Wgsl {
  readonly translate: Translator;
  readonly library: WgslLibrary;
}

/** Translates a kernel: gpu.js's uniforms, which never change, are written into the text. */
export function translatedShader(
  { translate, library }: Wgsl,
  kernel: PlacedKernel,
  { workgroupsPerDimension: most }: TranslatedLimits,
  label: string,
): TranslatedShader {
  const { arrays, numbers, output, result, stubs = [], loopMaxIterations } = kernel;
  const translated = translate(kernel.source, {
    output,
    functions: kernel.functions,
    argumentTypes: [...arrays.map(() => "WebGPUBuffer"), ...numbers.map(() => "Number")],
    ...(loopMaxIterations === undefined ? {} : { loopMaxIterations }),
  });
  const size = output.length === 1 ? [perRow, 1, 1] : translated.workgroupSize;
  const groupsOf = (extents: readonly number[]): [number, number, number] => {
    const [x, y, z] = size.map((each, i) => Math.ceil((extents[i] ?? 1) / each)) as [
      number,
      number,
      number,
    ];
    if (output.length > 1) return [x, y, z];
    // gpu.js joins the rows of a result of one axis.
    const rows = Math.ceil(x / most);
    return [Math.ceil(x / rows), rows, z];
  };
  const textFor = ([columns]: readonly number[]) => textOf(translated, kernel, columns! * perRow);
  const hides = kernel.hidesNumbers === true;
  let workgroups = groupsOf(output);
  let text: string | undefined;
  if (!hides && output.length === 1 && isOfFours(output[0]!)) {
    const quarter = groupsOf([output[0]! / 4]);
    text = withFourElements(textFor(quarter), output[0]!);
    if (text !== undefined) workgroups = quarter;
  }
  text ??= textFor(workgroups);
  if (hides) text = withHiddenNumbers(text);
  const read = arrays.filter(({ buffer }) => buffer !== result.buffer);
  return {
    code: withZeros(inWgsl(text, stubs, library)),
    bindings: [
      ...read.map(({ buffer }) => ({ buffer, writes: false })),
      { buffer: result.buffer, writes: true },
    ],
    workgroups,
    label,
  };
}

/** How WGSL holds a dtype that gpu.js takes for numbers of float32. */
function elementType(dtype: DType): "f32" | "i32" | "u32" {
  if (dtype === "int32") return "i32";
  return dtype === "uint32" || dtype === "bool" ? "u32" : "f32";
}

function textOf(
  { code, layout }: TranslatedKernel,
  { arrays, numbers, output, result }: PlacedKernel,
  dispatchWidth: number,
): string {
  let text = code;
  const replace = (from: string, to: string): void => {
    if (!text.includes(from)) throw unexpectedTranslation(`no "${from}"`);
    text = text.replace(from, () => to);
  };
  const resultType = elementType(result.dtype);
  let bindings = 0;
  for (const { name, index } of layout.arrayArgs) {
    const { buffer, dtype } = arrays[index]!;
    const type = elementType(dtype);
    const isOverwritten = buffer === result.buffer;
    const declaration = declaredArray(index + 1, name, "f32");
    replace(declaration, isOverwritten ? "" : declaredArray(bindings++, name, type));
    const accessor = accessorOf(name);
    const element = accessor.slice("return ".length, -1);
    const word = !isOverwritten
      ? element
      : resultType === type
      ? element.replace(`user_${name}[`, "result[")
      : `bitcast<${type}>(${element.replace(`user_${name}[`, "result[")})`;
    replace(
      accessor,
      type === "f32" ? `return ${word};` : `let word = ${word}; ${numberOf(dtype)}`,
    );
  }
  if (output.length === 1) replace("@workgroup_size(64, 1, 1)", `@workgroup_size(${perRow}, 1, 1)`);
  replace(declaredResult(arrays.length + 1, "f32"), declaredResult(bindings, resultType));
  if (resultType !== "f32") {
    text = text.replace(
      /result\[data_index\] = (.*);return;/g,
      `result[data_index] = ${resultType}($1);return;`,
    );
  }
  const sizes = layout.arrayArgs.map(({ name, index }) => ({ name, size: arrays[index]!.size }));
  const scalars = layout.scalarArgs.map(({ name, index }) => ({
    name,
    value: numbers[index - arrays.length]!,
  }));
  return withoutUniforms(text, sizes, scalars, output, dispatchWidth);
}

/** What comes of the word of an integer. */
function numberOf(dtype: DType): string {
  // SwiftShader does not round large uint32 to the nearest float32; halves are exact, and their sum is rounded once.
  return dtype === "uint32"
    ? "return f32(word >> 16u) * 65536.0 + f32(word & 0xffffu);"
    : "return f32(word);";
}

function withoutUniforms(
  code: string,
  sizes: readonly { readonly name: string; readonly size: readonly number[] }[],
  scalars: readonly { readonly name: string; readonly value: number }[],
  output: readonly number[],
  dispatchWidth: number,
): string {
  const [outputX, outputY = 1, outputZ = 1] = output;
  const values: Record<string, string> = {
    outputX: `${outputX}u`,
    outputY: `${outputY}u`,
    outputZ: `${outputZ}u`,
    dispatchWidth: `${dispatchWidth}u`,
    randomSeed: "0u",
  };
  for (const { name, size: [x = 1, y = 1, z = 1] } of sizes) {
    Object.assign(values, {
      [`user_${name}_dims.x`]: `${x}u`,
      [`user_${name}_dims.y`]: `${y}u`,
      [`user_${name}_dims.z`]: `${z}u`,
      [`user_${name}_dims.w`]: `${x * y * z}u`,
    });
  }
  for (const { name, value } of scalars) values[`user_${name}`] = hidden(value);
  return code
    .replace(/struct Params \{[^}]*\}\n?/, "")
    .replace(/@group\(0\) @binding\(0\) var<uniform> params : Params;\n?/, "")
    .replace(/\bparams\.(\w+(?:\.[xyzw])?)/g, (_, name: string) => {
      const value = values[name];
      if (value === undefined) throw unexpectedTranslation(`params.${name}`);
      return value;
    });
}

/** A number that compilers are not to know: it passes through a zero that none can foresee. */
function hidden(value: number): string {
  const [bits] = new Uint32Array(Float32Array.of(value).buffer);
  return `bitcast<f32>(${bits}u | zeroBits)`;
}

/** The entry point without numbers of float32 in it: what is made of them alone is computed when it runs. */
function withHiddenNumbers(code: string): string {
  const at = code.indexOf(mainHead);
  if (at < 0) throw unexpectedTranslation(`no "${mainHead}"`);
  const number = /(?<![\w.])(?:\d+\.\d*(?:e[+-]?\d+)?|\d+e[+-]?\d+)f?(?![\w.])/g;
  return code.slice(0, at) + code.slice(at).replace(number, (text) => hidden(parseFloat(text)));
}

/** Zeros in all threads, of which no compiler knows; one of them would cancel itself. */
function withZeros(code: string): string {
  const zeros = Object.entries({ zeroBits: "groups.x", guardBits: "groups.y" })
    .filter(([name]) => code.includes(name));
  if (zeros.length === 0) return code;
  if (!code.includes(mainHead)) throw unexpectedTranslation(`no "${mainHead}"`);
  const head = mainHead.replace(") {", ", @builtin(num_workgroups) groups : vec3<u32>) {");
  const set = zeros.map(([name, count]) => `\n  ${name} = u32(${count} == 0u);`).join("");
  const declared = zeros.map(([name]) => `var<private> ${name} : u32;\n`).join("");
  return declared + code.replace(mainHead, () => head + set);
}
