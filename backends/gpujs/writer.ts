import type { DType } from "../../src/core/dtype.ts";
import { extraArguments, extraValues } from "./functions.ts";
import type { ArrayArgument, KernelSource } from "./kernel-source.ts";

/** Collects the text of one kernel. */
export interface Writer {
  /** Whether every float32 operation is to be rounded explicitly: mode "cpu" computes in float64. */
  readonly rounds: boolean;
  /** A load from an array at an index that gpu.js takes for an integer. */
  load(array: ArrayArgument, index: string): string;
  /** A number that compilers are not to know, or that has no literal. */
  hidden(value: number): string;
  /** A float32 number. */
  literal(value: number): string;
  /** A call of a function of functions.ts, with the further arguments that it takes. */
  call(name: string, ...args: readonly string[]): string;
  /** A name for a value; the same name for the same text, as long as the block is open. */
  define(text: string): string;
  /** A line as it is. */
  line(text: string): void;
  /** Opens a block, in which what is defined outside stays known. */
  open(head: string): void;
  /** Opens a loop with a constant bound: gpu.js stops others after a thousand turns. */
  openLoop(variable: string, count: number): void;
  close(): void;
  /** Turns that a thread's loops take together. */
  turns(): number;
  finish(returned: string, output: readonly number[], result: ArrayArgument): KernelSource;
}

/** Writes a kernel. */
export function createWriter(rounds: boolean): Writer {
  const arrays: ArrayArgument[] = [];
  const numbers: number[] = [];
  const functions = new Set<string>();
  const lines: string[] = [];
  const scopes: Map<string, string>[] = [new Map()];
  /** How often each open block runs. */
  const runs = [1];
  let names = 0;
  let turns = 0;

  function nameOf(array: ArrayArgument): string {
    let at = arrays.findIndex(({ buffer, dtype }) =>
      buffer === array.buffer && dtype === array.dtype
    );
    if (at < 0) at = arrays.push({ buffer: array.buffer, dtype: array.dtype }) - 1;
    return `a${at}`;
  }

  function hidden(value: number): string {
    let at = numbers.findIndex((each) => Object.is(each, value));
    if (at < 0) at = numbers.push(value) - 1;
    return `s${at}`;
  }

  function line(text: string): void {
    lines.push("  ".repeat(scopes.length) + text);
  }

  function open(head: string, count = 1): void {
    line(`${head} {`);
    scopes.push(new Map());
    runs.push(runs.at(-1)! * count);
  }

  return {
    rounds,
    load: (array, index) => `${nameOf(array)}[${index}]`,
    hidden,
    literal(value) {
      const single = Math.fround(value);
      const size = Math.abs(single);
      // Arithmetic with 0 is folded to what is wrong for NaN and -0; subnormals and infinities have no sure literal.
      if (!(size >= 2 ** -126 && size < Infinity)) return hidden(single);
      return single < 0 ? `(-${size})` : String(size);
    },
    call(name, ...args) {
      functions.add(name);
      const extra = extraArguments(name).map((each) => hidden(extraValues[each]!));
      return `${name}(${[...args, ...extra].join(", ")})`;
    },
    define(text) {
      for (const scope of scopes) {
        const known = scope.get(text);
        if (known !== undefined) return known;
      }
      const name = `v${names++}`;
      line(`const ${name} = ${text};`);
      scopes.at(-1)!.set(text, name);
      return name;
    },
    line,
    open: (head) => open(head),
    openLoop(variable, count) {
      // That it has ended is found out in one more turn.
      turns += runs.at(-1)! * (count + 1);
      open(`for (let ${variable} = 0; ${variable} < ${count}; ${variable}++)`, count);
    },
    close() {
      scopes.pop();
      runs.pop();
      line("}");
    },
    turns: () => turns,
    finish(returned, output, result) {
      line(`return ${returned};`);
      const parameters = [...arrays.map((_, i) => `a${i}`), ...numbers.map((_, i) => `s${i}`)];
      return {
        source: `function kernel(${parameters.join(", ")}) {\n${lines.join("\n")}\n}`,
        functions: [...functions],
        arrays,
        numbers,
        output,
        result,
        readsInPlace: [],
      };
    },
  };
}

/** The dtypes whose elements are numbers of float32 here. */
export function isFloat(dtype: DType): boolean {
  return dtype === "float32" || dtype === "bfloat16";
}
