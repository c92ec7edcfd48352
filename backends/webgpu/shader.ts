import type { DType } from "../../src/core/dtype.ts";
import type { AnyKernel, Kernel } from "../../src/backend/program.ts";

/** What a device lets one shader have. */
export interface ShaderLimits {
  /** Workgroups along one dimension of a dispatch. */
  readonly workgroupsPerDimension: number;
  readonly invocationsPerWorkgroup: number;
  /** Bytes of workgroup memory. */
  readonly workgroupStorage: number;
  /** Buffers that one shader sees. */
  readonly buffers: number;
  /** Bytes of a buffer that a shader sees at once. */
  readonly bindingBytes: number;
  /** What the start of such a part is a multiple of, in bytes. */
  readonly bindingAlignment: number;
  /** Whether `enable subgroups;` is allowed. */
  readonly subgroups: boolean;
  /** Invocations of every subgroup, a power of two; absent where they vary, for then subgroups need not be full. */
  readonly subgroupSize?: number;
  /** Whether products may round to float16: that is wanted, and `enable f16;` is allowed. */
  readonly float16: boolean;
}

/** A buffer that a shader sees. */
export interface Binding {
  /** Index of a planned buffer. */
  readonly buffer: number;
  /** Whether it is `read_write`. A buffer that is written is bound once. */
  readonly writes: boolean;
  /** Where the part of the buffer that the shader sees begins; its start where absent. */
  readonly byteOffset?: number;
  /** Bytes of that part; all of the buffer where absent. */
  readonly byteLength?: number;
}

/** One dispatch. The entry point is `main`; `@group(0) @binding(i)` is `bindings[i]`. */
export interface Shader {
  readonly code: string;
  readonly bindings: readonly Binding[];
  readonly workgroups: readonly [number, number, number];
  /** A few words for people to read. */
  readonly label: string;
  /** The user's function that it was made of: what the device has against it is said of that. */
  readonly kernel?: string;
  /** What `code` was put together from, where it may become a piece of a larger shader. */
  readonly parts?: ShaderParts;
}

/** The text of a shader without memory or barriers of its workgroups. */
export interface ShaderParts {
  /** For each binding, its declaration with another number and name; `body` calls it `buffer0`, `buffer1`, ... */
  readonly declare: readonly ((binding: number, name: string) => string)[];
  readonly functions: string;
  /** Of a function of `workgroup`, the number of the workgroup, and of the builtins `group` and `local`. */
  readonly body: string;
  readonly invocations: number;
}

/** A kernel as one or several shaders, run in order, and bytes of further buffers that they need. */
export interface Lowered {
  readonly shaders: readonly Shader[];
  /** Numbered from `firstBuffer` on. */
  readonly buffers: readonly number[];
  /** How it runs, for people to read, where the shaders' labels do not say. */
  readonly way?: string;
}

/** How a kernel that is no loop becomes shaders. */
export type Lower<K = Kernel> = (kernel: K, firstBuffer: number, limits: ShaderLimits) => Lowered;

/** A kernel as shaders of somebody else. */
export interface OtherKernel {
  readonly shaders: readonly Shader[];
  /** What is left of it, to be run after the shaders, in order. */
  readonly rest: readonly AnyKernel[];
  /** Bytes of further buffers, numbered from `byteLengths.length` on. */
  readonly buffers: readonly number[];
  /** How it runs, for people to read. */
  readonly way: string;
}

/** Shaders that others write. */
export interface OtherShaders {
  /** A user's function, or an error that says what is missing for it. */
  readonly customKernel?: (kernel: Kernel<"customKernel">, limits: ShaderLimits) => Shader;
  /** Any kernel, before our own shaders are made; undefined leaves it to them. */
  readonly kernel?: (
    kernel: AnyKernel,
    byteLengths: readonly number[],
    limits: ShaderLimits,
  ) => OtherKernel | undefined;
}

/** The type of a scalar in WGSL. */
export type Scalar = "f32" | "i32" | "u32" | "bool";

/** Bytes of an element in a device's memory, whatever its dtype. */
export const elementBytes = 4;

/** Bytes that a vector of four elements takes: buffers are made a multiple of them long. */
export const vectorBytes = 16;

/** How an element lies in memory: bool as 0 or 1, bfloat16 as a rounded float32. */
export function storedType(dtype: DType): Scalar {
  switch (dtype) {
    case "int32":
      return "i32";
    case "uint32":
    case "bool":
      return "u32";
    default:
      return "f32";
  }
}

/** The type in which an element is computed with. */
export function valueType(dtype: DType): Scalar {
  return dtype === "bool" ? "bool" : storedType(dtype);
}

/** `floatOfBits`, which `literal` may call: constant expressions of WGSL hold neither NaN nor infinities. */
export const prelude = `fn floatOfBits(bits: u32) -> f32 {
  return bitcast<f32>(bits);
}
`;

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

/** A number, rounded to a dtype, as an expression of `valueType`; it may need the `prelude`. */
export function literal(dtype: DType, value: number): string {
  switch (dtype) {
    case "bool":
      return value !== 0 ? "true" : "false";
    case "int32":
      // The least number has no literal: it would be the negation of one that is too large.
      return (value | 0) === -0x80000000 ? "(-2147483647i - 1i)" : `${value | 0}i`;
    case "uint32":
      return `${value >>> 0}u`;
    default:
      return floatLiteral(value);
  }
}

function floatLiteral(value: number): string {
  scratch[0] = value;
  const single = scratch[0]!;
  const size = Math.abs(single);
  // What constant expressions refuse, and what compilers flush or lose the sign of.
  const isPlain = size >= 2 ** -126 && size < Infinity || Object.is(single, 0);
  if (!isPlain) return `floatOfBits(0x${scratchBits[0]!.toString(16).padStart(8, "0")}u)`;
  const text = String(single);
  const isWhole = /^-?\d+$/.test(text);
  return isWhole ? `${text}.0f` : `${text}f`;
}

/** `@group(0) @binding(i) var<storage, ...> name: array<element>;` */
export function declareBuffer(
  binding: number,
  name: string,
  element: string,
  writes: boolean,
): string {
  const access = writes ? "read_write" : "read";
  return `@group(0) @binding(${binding}) var<storage, ${access}> ${name}: array<${element}>;\n`;
}

/** Many workgroups in a row, as a grid that a device takes. */
export interface Grid {
  readonly workgroups: readonly [number, number, number];
  /**
   * The number of a workgroup in the row, as an expression of type u32 on `group`, the builtin `workgroup_id`. It
   * may be as large as `count` and larger: what lies beyond must do nothing.
   */
  readonly index: string;
}

/** A row of `count` workgroups. */
export function gridOf(count: number, { workgroupsPerDimension: most }: ShaderLimits): Grid {
  if (count <= most) return { workgroups: [count, 1, 1], index: "group.x" };
  // Nearly square, so that little lies beyond the row.
  const rows = Math.ceil(count / most);
  const columns = Math.ceil(count / rows);
  return { workgroups: [columns, rows, 1], index: `(group.y * ${columns}u + group.x)` };
}
