import { formatSpec } from "../core/shape.ts";
import { type Graph, type Instruction, isLiteral, type Operand, type Value } from "./graph.ts";

/** Assembles a graph whose `toString` prints it. */
export function createGraph(parts: Omit<Graph, "toString">): Graph {
  return { ...parts, toString: () => printGraph(parts) };
}

/**
 * The text of a graph, for example
 *
 * ```text
 * graph(%0: float32[3]) {
 *   %1: float32[3] = mul %0 2
 *   %2: float32[] = reduceSum %1 {axes: [0]}
 *   return %2
 * }
 * ```
 *
 * Values are numbered in the order of their appearance, so that equal structure gives equal text;
 * constants show their spec only.
 */
export function printGraph(graph: Omit<Graph, "toString">): string {
  const names = new Map<number, string>();
  const define = (value: Value): string => {
    const name = `%${names.size}`;
    names.set(value.id, name);
    return `${name}: ${formatSpec(value.spec)}`;
  };
  const use = (operand: Operand): string =>
    isLiteral(operand) ? printLiteral(operand.literal) : names.get(operand.id) ?? `%?${operand.id}`;

  const lines = [`graph(${graph.inputs.map(define).join(", ")}) {`];
  for (const constant of graph.constants) lines.push(`  ${define(constant)} = constant`);
  for (const instruction of graph.instructions) {
    const operands = instruction.operands.map(use).join(" ");
    const params = printParams(instruction.params);
    const parts = [instruction.op, operands, params].filter((part) => part !== "");
    lines.push(`  ${define(instruction.output)} = ${parts.join(" ")}`);
  }
  lines.push(`  return ${graph.outputs.map(use).join(", ")}`, "}");
  return lines.join("\n");
}

function printLiteral(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** `{axes: [0]}`, or nothing where there are no parameters. */
export function printParams(params: Instruction["params"]): string {
  const entries = Object.entries(params);
  if (entries.length === 0) return "";
  return `{${entries.map(([name, value]) => `${name}: ${printParam(value)}`).join(", ")}}`;
}

function printParam(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(printParam).join(", ")}]`;
  return typeof value === "number" ? printLiteral(value) : String(value);
}
