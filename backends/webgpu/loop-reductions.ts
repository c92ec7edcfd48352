import type { DType } from "../../src/core/dtype.ts";
import { applyText } from "./apply.ts";
import { type Argument, typeOf, widen } from "./argument.ts";
import { type Combination, combineText } from "./combine.ts";
import type { Width } from "./function-text.ts";
import type { Functions } from "./functions.ts";
import type { Division, LoopPlan } from "./loop-plan.ts";
import { literal } from "./shader.ts";

/** The reductions of each sweep of a loop nest in the text of its shader: statement i becomes the variable vi. */
export interface LoopReductions {
  /** Workgroup memory. */
  declarations(division: Division & { kind: "tree" }, combination: Combination): string;
  /** What comes before the points. */
  start(sweep: number): string;
  /** The statements that they combine. */
  takes(sweep: number): readonly number[];
  /** What happens at a point, or at four. */
  step(sweep: number, indent: string): string;
  /** The results, of an invocation that had all points. */
  alone(sweep: number): string;
  /** The results, of slices: in slice 0, or in all of them. */
  combined(sweep: number, combination: Combination, everywhere: boolean): string;
}

interface Reduction {
  readonly index: number;
  readonly op: "sum" | "max" | "min";
  readonly arg: number;
  readonly dtype: DType;
  readonly sweep: number;
  /** While it runs, and of its result. */
  readonly width: Width;
  readonly result: Width;
}

/** `argument` gives a statement's value, for one element or for four. */
export function createReductions(
  plan: LoopPlan,
  functions: Functions,
  argument: (index: number, width: Width) => Argument,
): LoopReductions {
  const all = reductionsOf(plan);
  const of = (sweep: number) => all.filter((each) => each.sweep === sweep);

  function merge({ op, dtype }: Reduction, width: Width, a: string, b: string): string {
    const name = op === "sum" ? "add" : op;
    // A sum that runs cannot be rearranged.
    const args = [{ text: a, dtype }, { text: b, dtype }];
    return applyText(functions, width, name, {}, args);
  }

  /** The four parts of a vector that a reduction ran along, as one. */
  function narrow(reduction: Reduction): string {
    const { index, width, result } = reduction;
    if (width === result) return "";
    const pair = (a: string, b: string) => merge(reduction, 1, a, b);
    const half = (a: string, b: string) => `(${pair(`r${index}.${a}`, `r${index}.${b}`)})`;
    return `  let s${index} = ${pair(half("x", "y"), half("z", "w"))};\n`;
  }

  const narrowed = ({ index, width, result }: Reduction): string =>
    width === result ? `r${index}` : `s${index}`;

  return {
    declarations({ slices, columns }, { usesMemory }) {
      const types = new Set(all.map(({ dtype, result }) => typeOf(dtype, result)));
      return (usesMemory ? [...types] : []).map((type) =>
        `var<workgroup> ${sharedName(type)}: array<${type}, ${slices * columns}>;\n`
      ).join("");
    },
    start: (sweep) =>
      of(sweep).map(({ index, op, dtype, width }) => {
        const text = literal(dtype, initial(op, dtype));
        // 0 + -0 is 0, and compilers take it for -0; this 0 is none that a value may be (`hidden`), or they would cancel.
        const first = op === "sum" && dtype === "float32" ? "bitcast<f32>(guardBits)" : text;
        return `  var r${index} = ${typeOf(dtype, width)}(${first});\n`;
      }).join(""),
    takes: (sweep) => of(sweep).map(({ arg }) => arg),
    step: (sweep, indent) =>
      of(sweep).map((each) => {
        const { index, arg, width } = each;
        const next = merge(each, width, `r${index}`, argument(arg, width).text);
        return `${indent}r${index} = ${next};\n`;
      }).join(""),
    alone: (sweep) =>
      of(sweep).map((each) => `${narrow(each)}  let v${each.index} = ${narrowed(each)};\n`)
        .join(""),
    combined: (sweep, combination, everywhere) =>
      of(sweep).map((each) => {
        const { index, dtype, result } = each;
        // The last reduction's values must have been read before.
        const waits = each !== all[0] && combination.usesMemory;
        return (waits ? "  workgroupBarrier();\n" : "") + narrow(each) +
          `  var v${index} = ${narrowed(each)};\n` + combineText(combination, {
            value: `v${index}`,
            slice: "slice",
            shared: sharedName(typeOf(dtype, result)),
            merge: (a, b) => merge(each, result, a, b),
            everywhere,
            ...(dtype === "bool" && { shuffle: (value, by) => shuffledBool(value, by, result) }),
          });
      }).join(""),
  };
}

function reductionsOf(
  { loop: { statements }, axes: { outer }, sweepOf, vectorAxis, varies }: LoopPlan,
): Reduction[] {
  const widthOf = (index: number): Width => varies[index] ? 4 : 1;
  // Of a value that is the same everywhere, each point counts.
  const within = vectorAxis !== undefined && vectorAxis >= outer;
  return statements.flatMap((statement, index): Reduction[] => {
    if (statement.kind !== "reduce") return [];
    const { op, arg, dtype } = statement;
    const result = widthOf(index);
    return [{ index, op, arg, dtype, sweep: sweepOf[index]!, width: within ? 4 : result, result }];
  });
}

function initial(op: Reduction["op"], dtype: DType): number {
  if (op === "sum") return 0;
  const isMax = op === "max";
  switch (dtype) {
    case "int32":
      return isMax ? -0x80000000 : 0x7fffffff;
    case "uint32":
      return isMax ? 0 : 0xffffffff;
    case "bool":
      return isMax ? 0 : 1;
    default:
      return isMax ? -Infinity : Infinity;
  }
}

/** Subgroups exchange numbers only. */
function shuffledBool(value: string, distance: number, width: Width): string {
  const U = widen("u32", width);
  return `(subgroupShuffleXor(${U}(${value}), ${distance}u) != ${U}(0u))`;
}

function sharedName(type: string): string {
  return `shared_${type.replace(/[<>]/g, "")}`;
}
