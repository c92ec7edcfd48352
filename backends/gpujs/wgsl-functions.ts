/**
 * In mode "webgpu" the functions that kernels call (functions.ts) are those of the backend on WebGPU: it knows the bits
 * of numbers, which gpu.js does not, so that its functions are more exact and take fewer steps.
 */
import { functionsAndStubs } from "./functions.ts";
import { unexpectedTranslation } from "./gpu.ts";

/** A function in WGSL in place of the one that gpu.js translated; its parameters are called `user_x` and so on. */
interface WgslFunction {
  /** Functions of the library that it calls. */
  readonly calls: readonly string[];
  readonly returned: string;
}

const unary = (name: string): WgslFunction => ({ calls: [name], returned: `${name}(user_x)` });
const test = (name: string): WgslFunction => ({
  calls: [name],
  returned: `select(0.0, 1.0, ${name}(user_x))`,
});
const binary = (name: string): WgslFunction => ({
  calls: [name],
  returned: `${name}(user_a, user_b)`,
});
const comparison = (name: string): WgslFunction => ({
  calls: [name],
  returned: `select(0.0, 1.0, ${name}(user_a, user_b))`,
});

const wgslFunctions: Readonly<Record<string, WgslFunction>> = {
  leftOf: { calls: [], returned: "bitcast<f32>(bitcast<u32>(user_x) | zeroBits)" },
  rightOf: { calls: [], returned: "bitcast<f32>(bitcast<u32>(user_x) | guardBits)" },
  numberOf: test("isNumber"),
  finiteOf: test("isFinite"),
  largerOf: binary("larger"),
  smallerOf: binary("smaller"),
  boundedBelow: binary("atLeast"),
  boundedBelowByNegative: binary("atLeastNegative"),
  boundedAbove: binary("atMost"),
  boundedAboveByNegative: binary("atMostNegative"),
  isLess: comparison("less"),
  isAtMost: comparison("lessEqual"),
  isEqual: comparison("equal"),
  signOf: unary("sign"),
  roundOf: { calls: [], returned: "round(user_x)" },
  expOf: unary("exp"),
  expm1Of: unary("expm1"),
  logOf: unary("log"),
  log1pOf: unary("log1p"),
  sinOf: unary("sin"),
  cosOf: unary("cos"),
  tanhOf: unary("tanh"),
  erfOf: unary("erf"),
  cbrtOf: unary("cbrt"),
  rcbrtOf: unary("rcbrt"),
  logisticOf: unary("logistic"),
  powOf: { calls: ["pow"], returned: "pow(user_x, user_y)" },
  bfloat16Of: unary("toBFloat16"),
  powerBelow: {
    calls: [],
    returned: "bitcast<f32>(bitcast<u32>(user_x) & 0x7f800000u)",
  },
  inversePower: {
    calls: [],
    returned: "bitcast<f32>(0x7f000000u - bitcast<u32>(user_x))",
  },
};

/** The functions of a backend on WebGPU. */
export interface WgslLibrary {
  /** Texts of functions and of what they call; they may ask for variables `zeroBits` and `guardBits`. */
  textOf(names: Iterable<string>): string;
}

/** The named functions for gpu.js to translate, some of them stubs that `inWgsl` replaces. */
export function functionsForWgsl(names: readonly string[]): ReturnType<typeof functionsAndStubs> {
  return functionsAndStubs(names, (name) => name in wgslFunctions);
}

/** What gpu.js translated, with functions of the library in place of stubs. */
export function inWgsl(code: string, stubs: readonly string[], library: WgslLibrary): string {
  let text = code;
  for (const name of stubs) {
    const { returned } = wgslFunctions[name]!;
    const stub = new RegExp(`(fn fn_${name}\\([^)]*\\) -> f32 \\{\n)return [^\n]*;\n\\}`);
    if (!stub.test(text)) throw unexpectedTranslation(`no ${name}`);
    text = text.replace(stub, (_, head: string) => `${head}return ${returned};\n}`);
  }
  return library.textOf(stubs.flatMap((name) => wgslFunctions[name]!.calls)) + text;
}
