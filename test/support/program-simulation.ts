import assert from "node:assert/strict";
import type { Kernel, Program } from "../../src/backend/program.ts";
import { bytesPerElement, type DType } from "../../src/core/dtype.ts";
import { formatSpec, sizeOf, type TensorSpec } from "../../src/core/shape.ts";
import { type Graph, type Instruction, isLiteral, type Operand } from "../../src/graph/graph.ts";
import { isElementwise, type PrimitiveParams } from "../../src/graph/instruction-set.ts";
import { printParams } from "../../src/graph/print.ts";

/** Names what is computed, whatever the memory: equal expressions have equal numbers. */
function createInterner(): (expression: string) => number {
  const numbers = new Map<string, number>();
  return (expression) => {
    const number = numbers.get(expression) ?? numbers.size + 1;
    numbers.set(expression, number);
    return number;
  };
}

type Full = PrimitiveParams["full"];

type ElementBytes = (dtype: DType) => number;

/** What copies memory as it is names no new value. */
const transparent = (op: string): boolean => op === "reshape" || op === "stopGradient";

/**
 * Runs a program with the name of a value in every byte instead of its elements: each kernel must find whole
 * the values that it reads, and each output must be the one that the graph asks for. So two values that live
 * at the same time cannot share memory. Inputs that are not donated must stay as they are.
 */
export function simulateProgram(
  graph: Graph,
  program: Program,
  donated: ReadonlySet<number>,
  elementBytes: ElementBytes = bytesPerElement,
): void {
  const bytesOf = ({ shape, dtype }: TensorSpec): number => sizeOf(shape) * elementBytes(dtype);
  const intern = createInterner();
  const literal = (value: number, { dtype }: TensorSpec) =>
    intern(`${Object.is(value, -0) ? "-0" : value} ${dtype}`);
  const application = (
    { op, params }: Instruction | Kernel,
    operands: [number, TensorSpec][],
    result: TensorSpec,
  ): number => {
    if (transparent(op)) return operands[0]![0];
    // A number that is returned, and one that is made.
    if (op === "full" && result.shape.length === 0) return literal((params as Full).value, result);
    const read = operands.map(([value, spec]) => `${value}:${formatSpec(spec)}`);
    return intern(`${op}${printParams(params)} ${read.join(" ")}`);
  };

  const values = new Map<number, number>();
  [...graph.inputs, ...graph.constants].forEach(({ id }, i) =>
    values.set(id, intern(`input ${i}`))
  );
  const valueOf = (operand: Operand): number => {
    if (isLiteral(operand)) return literal(operand.literal, operand.spec);
    // All empty values are one.
    return bytesOf(operand.spec) === 0 ? 0 : values.get(operand.id)!;
  };
  for (const instruction of graph.instructions) {
    const { operands, output } = instruction;
    const read = operands.map((operand): [number, TensorSpec] => [valueOf(operand), operand.spec]);
    values.set(output.id, application(instruction, read, output.spec));
  }

  const arena = new Int32Array(program.arenaBytes);
  const memory = program.buffers.map((plan) => {
    if (plan.kind !== "arena") return new Int32Array(plan.byteLength);
    assert.ok(plan.byteOffset + plan.byteLength <= program.arenaBytes, "a piece beyond the arena");
    return arena.subarray(plan.byteOffset, plan.byteOffset + plan.byteLength);
  });
  program.inputs.forEach((_, i) => memory[i]!.fill(intern(`input ${i}`)));

  const read = (buffer: number, spec: TensorSpec): number => {
    const bytes = memory[buffer]!;
    assert.equal(bytes.length, bytesOf(spec), "a buffer of another size than what is read from it");
    const first = bytes[0] ?? 0;
    assert.ok(bytes.every((value) => value === first), "a value that is partly overwritten");
    return first;
  };
  for (const kernel of unfusedKernels(program)) {
    const { op, operands, output } = kernel;
    const seen = operands.map((operand): [number, TensorSpec] =>
      "literal" in operand
        ? [literal(operand.literal, operand.spec), operand.spec]
        : [read(operand.buffer, operand.spec), operand.spec]
    );
    const target = memory[output.buffer]!;
    assert.equal(target.length, bytesOf(output.spec), "a buffer of another size than the result");
    for (const operand of operands) {
      if ("literal" in operand || target.length === 0) continue;
      const source = memory[operand.buffer]!;
      const [from, to] = [source.byteOffset, target.byteOffset];
      const overlaps = source.buffer === target.buffer &&
        from < to + target.byteLength && to < from + source.byteLength;
      if (!overlaps) continue;
      const inPlace = isElementwise(op) && from === to && source.length === target.length &&
        sizeOf(operand.spec.shape) === sizeOf(output.spec.shape);
      assert.ok(inPlace, `${op} writes over ${formatSpec(operand.spec)} while it reads it`);
    }
    const plan = program.buffers[output.buffer]!;
    assert.ok(
      plan.kind !== "input" || donated.has(plan.input),
      "an input that is not donated is written",
    );
    target.fill(application(kernel, seen, output.spec));
  }

  const taken = program.outputs.map(({ buffer }) => buffer);
  assert.equal(new Set(taken).size, taken.length, "two outputs in one buffer");
  program.outputs.forEach(({ buffer, spec }, i) => {
    const plan = program.buffers[buffer]!;
    assert.notEqual(plan.kind, "arena", "an output in the arena");
    const expected = graph.outputs[i]!;
    assert.equal(formatSpec(spec), formatSpec(expected.spec));
    assert.equal(read(buffer, spec), valueOf(expected), `output ${i}`);
  });
}

/** The kernels of a program that was not fused. */
export function unfusedKernels(program: Program): Kernel[] {
  return program.kernels.map((kernel) => {
    assert.ok(kernel.op !== "loop", "a loop in a program that was not to be fused");
    return kernel as Kernel;
  });
}

/** Bytes of all results that the kernels compute, as if nothing were shared. */
export function bytesWithoutReuse(program: Program): number {
  return unfusedKernels(program).reduce(
    (sum, { output: { spec } }) => sum + sizeOf(spec.shape) * bytesPerElement(spec.dtype),
    0,
  );
}
