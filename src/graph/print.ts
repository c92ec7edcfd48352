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

  let text = `graph(${graph.inputs.map(define).join(", ")}) {\n`;
  for (const constant of graph.constants) text += `  ${define(constant)} = constant\n`;
  // Graphs may be long, and every jitted one is printed: it is its key.
  for (const { op, operands, params, output } of graph.instructions) {
    let right: string = op;
    for (const operand of operands) right += ` ${use(operand)}`;
    const details = printParams(params);
    if (details !== "") right += ` ${details}`;
    text += `  ${define(output)} = ${right}\n`;
  }
  return `${text}  return ${graph.outputs.map(use).join(", ")}\n}`;
}

function printLiteral(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** `{axes: [0]}`, or nothing where there are no parameters. */
export function printParams(params: Instruction["params"]): string {
  let text = "";
  for (const [name, value] of Object.entries(params)) {
    text += `${text === "" ? "{" : ", "}${name}: ${printParam(value)}`;
  }
  return text && `${text}}`;
}

function printParam(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(printParam).join(", ")}]`;
  if (typeof value === "number") return printLiteral(value);
  // In quotes where it is more than a word, so that it stays on its line and ends where it ends.
  return typeof value === "string" && !/^\w+$/.test(value) ? JSON.stringify(value) : String(value);
}
