import { DeviceError } from "../../../src/core/errors.ts";
import type { KernelOperand } from "../../../src/backend/program.ts";
import { enableText, entryText, type Extension } from "../entry-point.ts";
import {
  declareBuffer,
  type Grid,
  gridOf,
  literal,
  prelude,
  type Shader,
  type ShaderLimits,
  storedType,
} from "../shader.ts";

/** A buffer with the name and the type of elements that the text of a shader uses for it. */
export interface NamedBuffer {
  readonly name: string;
  readonly buffer: number;
  readonly element: string;
  readonly writes?: boolean;
}

interface Parts {
  readonly label: string;
  readonly buffers: readonly NamedBuffer[];
  /** Extensions of WGSL that the text needs. */
  readonly extensions?: readonly Extension[];
  /** What stands before the entry point. */
  readonly declarations?: string;
  /** Invocations in a workgroup. */
  readonly invocations: number;
  /** Those of a subgroup, where the body uses them. */
  readonly subgroups?: number | false;
  readonly grid: Grid;
  /** Of the entry point; sees `group`, `local` (the invocation in its workgroup) and `workgroup` (its number). */
  readonly body: string;
}

/** A shader whose entry point is `body`. */
export function assemble(
  { label, buffers, extensions = [], declarations = "", invocations, grid, body, ...parts }: Parts,
): Shader {
  const { subgroups = false } = parts;
  const declared = buffers.map(({ name, element, writes = false }, binding) =>
    declareBuffer(binding, name, element, writes)
  );
  const code = `${declared.join("")}${declarations}
${entryText(invocations, subgroups)}  let workgroup = ${grid.index};
${body}}
`;
  const all = subgroups === false ? extensions : [...extensions, "subgroups"] as const;
  const needed = code.includes("floatOfBits(") ? prelude : "";
  return {
    code: enableText(all) + needed + code,
    bindings: buffers.map(({ buffer, writes = false }) => ({ buffer, writes })),
    workgroups: grid.workgroups,
    label,
  };
}

/** Invocations in a workgroup where nothing asks for another number. */
export function usualInvocations({ invocationsPerWorkgroup }: ShaderLimits): number {
  return Math.min(256, invocationsPerWorkgroup);
}

/** A shader that runs `body` once for each `i` below `count`. */
export function assembleEach(
  { count, limits, body, ...parts }:
    & Pick<Parts, "label" | "buffers" | "declarations" | "body">
    & { readonly count: number; readonly limits: ShaderLimits },
): Shader {
  const invocations = usualInvocations(limits);
  return assemble({
    ...parts,
    invocations,
    grid: gridOf(Math.ceil(count / invocations), limits),
    body: `  let i = workgroup * ${invocations}u + local;
  if (i >= ${count}u) {
    return;
  }
${body}`,
  });
}

/** Zeros everywhere in a buffer of `count` elements of any dtype. */
export function zeros(buffer: number, count: number, limits: ShaderLimits): Shader {
  const out = { name: "out", buffer, element: "u32", writes: true };
  return assembleEach({
    label: "zeros",
    buffers: [out],
    count,
    limits,
    body: "  out[i] = 0u;\n",
  });
}

/** How the text of a shader reads an operand: from a buffer, or as a number that is written into it. */
export function operandText(name: string, operand: KernelOperand): {
  readonly buffers: readonly NamedBuffer[];
  /** The element at an index; the number where the operand is one. */
  readonly at: (index: string) => string;
} {
  if ("literal" in operand) {
    const text = stored(operand.spec.dtype, operand.literal);
    return { buffers: [], at: () => text };
  }
  const element = storedType(operand.spec.dtype);
  return {
    buffers: [{ name, buffer: operand.buffer, element }],
    at: (index) => `${name}[${index}]`,
  };
}

/** A literal as it lies in memory. */
function stored(dtype: KernelOperand["spec"]["dtype"], value: number): string {
  return dtype === "bool" ? `${value !== 0 ? 1 : 0}u` : literal(dtype, value);
}

/** The buffer of an operand that has axes. */
export function bufferOf(operand: KernelOperand): number {
  if ("literal" in operand) {
    throw new DeviceError(
      "webgpu",
      `a kernel along an axis got ${operand.literal}; expected a buffer`,
    );
  }
  return operand.buffer;
}
