/** A user's function as a kernel of gpu.js: with our functions for what gpu.js, or a device, gets wrong. */
import type { Kernel } from "../../src/backend/program.ts";
import { KernelError, SoftstepError } from "../../src/core/errors.ts";
import { sizeOf, stridesOf } from "../../src/core/shape.ts";
import { knownKernel } from "../../src/graph/dialect/functions.ts";
import type { Item, Span } from "../../src/graph/dialect/items.ts";
import { renderKernel } from "../../src/graph/dialect/render.ts";
import { createArithmetic, isOfBits, type OfBits, type Render } from "./custom-arithmetic.ts";
import { operatorTexts } from "./custom-operators.ts";
import { exactBound } from "./exactness.ts";
import type { KernelSource } from "./kernel-source.ts";
import type { KernelLimits } from "./loop-kernels.ts";
import { createWriter } from "./writer.ts";

/** A kernel and the extents of its arrays, innermost first. */
export interface CustomSource extends KernelSource {
  /** Functions of custom-functions.ts that it calls. */
  readonly customFunctions: readonly string[];
  readonly sizes: readonly (readonly number[])[];
  /** For each array whether an index may lie outside of it. */
  readonly needsCheck: readonly boolean[];
  readonly hasReturnInLoop: boolean;
  readonly loopMaxIterations: number;
}

/**
 * The kernel; undefined where it is larger than gpu.js can count, or has operators that gpu.js gets wrong. Elements are
 * read by one index ("flat"), which is checked, or by one for each axis ("nested"), which is exact for any size but asks
 * that the arrays know their extents and check them.
 */
export function customKernelSource(
  { params, operands, output }: Kernel<"customKernel">,
  limits: KernelLimits,
  indices: "flat" | "nested",
): CustomSource | undefined {
  const { threads, threadsInARow, arrays: mostArrays, rounds, lacksBits } = limits;
  const extents = output.spec.shape.length === 0 ? [1] : output.spec.shape.toReversed();
  if (sizeOf(extents) === 0) return undefined;
  const most = extents.length === 1 ? [threadsInARow] : threads;
  if (extents.some((extent, axis) => extent > most[axis]!)) return undefined;
  const shapes = operands.map(({ spec }) => spec.shape);
  // gpu.js itself knows no empty arrays.
  if (indices === "flat" && shapes.some((shape) => sizeOf(shape) === 0)) return undefined;
  // Variables are float32, in which positions and what is made of them must be exact.
  const counted = indices === "flat" ? shapes.map(sizeOf) : shapes.flat();
  if ([...extents, ...counted].some((count) => count > exactBound)) return undefined;

  const constants = new Map(params.constants);
  const { parsed, ranges } = knownKernel(params.source)
    .read({ inputs: shapes, output: output.spec.shape, constants });
  const { items, variables, body, hasReturnInLoop, itemAt } = parsed;
  if (lacksBits && (items.some(usesBits) || items.filter(gathers(items)).length > 1)) {
    return undefined;
  }
  // The index of an element that is checked stands twice in the text, and what is in it twice as often.
  if (indices === "flat" && items.some((item) => around(item, items).length > mostGathers)) {
    return undefined;
  }
  const writer = createWriter(rounds);
  const operators = operatorTexts(writer, limits);
  const arrays: { readonly buffer: number; readonly shape: readonly number[] }[] = [];
  const needsCheck = new Set<number>();
  /** Whether what is written is to be an integer for gpu.js, as which it takes positions and counters. */
  let isWhole = false;

  function written(piece: Span, whole: boolean, render: Render): string {
    const before = isWhole;
    isWhole = whole;
    const text = render(piece);
    isWhole = before;
    return text;
  }

  const asNumber = (text: string): string => isWhole ? text : operators.numberOf(text);

  const arithmetic = createArithmetic({
    parsed,
    ranges,
    inputs: operands.length,
    operators,
    isJavaScript: rounds,
    numberText,
  });

  /** The place of an array; equal arguments are one. */
  function arrayOf(input: number): number {
    const operand = operands[input]!;
    const buffer = "literal" in operand ? -1 : operand.buffer;
    const shape = shapes[input]!;
    const at = arrays.findIndex((each) =>
      each.buffer === buffer && String(each.shape) === String(shape)
    );
    return at < 0 ? arrays.push({ buffer, shape }) - 1 : at;
  }

  /** A number as gpu.js's float. */
  function numberText(piece: Span, render: Render): string {
    return written(piece, false, render);
  }

  /** The bits of what has only numbers in it: what they give could be too large for the constants of WGSL. */
  function knownBits(piece: Span): number | undefined {
    const item = itemAt(piece);
    if (item?.kind === "number") return item.value | 0;
    if (item === undefined || !isOfBits(item)) return undefined;
    const [a, b] = item.kind === "unary"
      ? [knownBits(item.operand), -1]
      : [knownBits(item.left), knownBits(item.right)];
    return a === undefined || b === undefined ? undefined : bitOperators[item.operator](a, b);
  }

  /** Any number as gpu.js's integer. */
  function bitsText(piece: Span, render: Render): string {
    const known = knownBits(piece);
    if (known !== undefined) return operators.bitsOfNumber(known);
    const item = itemAt(piece);
    if (item !== undefined && isOfBits(item)) return bitsOfItem(item, render);
    return operators.bitsOf(numberText(piece, render));
  }

  function bitsOfItem(item: OfBits, render: Render): string {
    if (item.kind === "unary") return operators.bits("^", bitsText(item.operand, render), "(-1)");
    const [a, b] = [item.left, item.right].map((each) => bitsText(each, render));
    return operators.bits(item.operator, a!, b!);
  }

  function binaryText(item: Extract<Item, { kind: "binary" }>, render: Render): string {
    const { operator, left, right } = item;
    const areCounted = ranges.of(left) !== undefined && ranges.of(right) !== undefined;
    if (comparisons.has(operator)) {
      // What counts loops is to stay an integer, whose bounds gpu.js understands.
      if (areCounted) {
        return `${written(left, true, render)} ${operator} ${written(right, true, render)}`;
      }
      const [a, b] = [left, right].map((each) => arithmetic.opaque(each, render));
      return operators.comparison(operator, a!, b!);
    }
    if (isWhole) return `(${render(left)} ${operator} ${render(right)})`;
    return arithmetic.ofItem(item, render);
  }

  function assignmentText(item: Extract<Item, { kind: "assignment" }>, render: Render): string {
    const { declaration, value } = item;
    const name = `v${declaration}`;
    if (item.operator === "=") return `${name} = ${arithmetic.opaque(value, render)}`;
    const operator = item.operator.slice(0, -1);
    if (ranges.ofVariable(declaration) !== undefined) {
      return `${name} ${operator}= ${written(value, true, render)}`;
    }
    if (operator in bitOperators) {
      const bits = operators.bits(operator, operators.bitsOf(name), bitsText(value, render));
      return `${name} = ${operators.numberOfBits(operator, bits)}`;
    }
    if (operator === "**") {
      return `${name} = ${operators.call("pow", [name, numberText(value, render)])}`;
    }
    return `${name} = ${arithmetic.ofVariable(operator, declaration, value, render)}`;
  }

  function elementText(item: Extract<Item, { kind: "element" }>, render: Render): string {
    const { input, indices: at } = item;
    const array = arrayOf(input);
    const shape = shapes[input]!;
    const isInside = at.map((_, axis) => ranges.isInside(item, axis));
    const texts = at.map((piece, axis) => written(piece, isInside[axis]!, render));
    if (indices === "nested") {
      if (isInside.includes(false)) needsCheck.add(array);
      const safe = texts.map((text, axis) => isInside[axis] ? text : operators.index(text));
      return `a${array}` + safe.map((text) => `[${text}]`).join("");
    }
    const strides = stridesOf(shape);
    const terms = texts.map((text, axis) => {
      const safe = isInside[axis] ? text : operators.safeIndex(text, shape[axis]!);
      return strides[axis] === 1 ? `(${safe})` : `(${safe}) * ${strides[axis]}`;
    });
    const element = `a${array}[${terms.join(" + ")}]`;
    const conditions = texts.flatMap((text, axis) =>
      isInside[axis] ? [] : [operators.isIndex(text, shape[axis]!)]
    );
    if (conditions.length === 0) return element;
    return `(${conditions.join(" && ")} ? ${element} : ${writer.hidden(NaN)})`;
  }

  function replace(item: Item, render: Render): string {
    switch (item.kind) {
      case "name": {
        // Every variable has a name of its own: gpu.js declares those of some loops outside of them.
        const { declaration } = item;
        const variable = `v${declaration}`;
        if (declaration >= operands.length) {
          return variables[declaration]!.condition === undefined ? variable : asNumber(variable);
        }
        const operand = operands[declaration]!;
        return "literal" in operand
          ? operators.number(operand.literal, isWhole)
          : `a${arrayOf(declaration)}[0]`;
      }
      case "declaration": {
        const { declaration, value } = item;
        const ofLoop = variables[declaration]!.condition !== undefined;
        // gpu.js takes a variable of a loop for an integer if its first value is one.
        const isCounter = ofLoop && ranges.ofVariable(declaration) !== undefined;
        const text = isCounter ? written(value, true, render) : arithmetic.opaque(value, render);
        return `v${declaration} = ${ofLoop && !isCounter ? operators.float(text) : text}`;
      }
      case "step":
        // gpu.js knows ++ of integers only, and takes some variables of loops for floats.
        return ranges.ofVariable(item.declaration) === undefined
          ? `v${item.declaration} = ${operators.guarded(`v${item.declaration} + (${item.by})`)}`
          : `v${item.declaration} += ${item.by}`.replace("+= -", "-= ");
      case "assignment":
        return assignmentText(item, render);
      case "element":
        return elementText(item, render);
      case "length":
        return String(shapes[item.input]![item.indices.length]!);
      case "constant":
        return operators.number(constants.get(item.name)!, isWhole);
      case "number":
        return operators.number(item.value, isWhole);
      case "position":
        // gpu.js knows nothing of axes that the result has not.
        if (item.of === "output") return String(extents[item.axis] ?? 1);
        return item.axis < extents.length ? asNumber(`this.thread.${"xyz"[item.axis]}`) : "0";
      case "truth":
        return String(item.value);
      case "test":
        return operators.test(item.name, numberText(item.arg, render));
      case "unary": {
        if (isOfBits(item)) return operators.numberOfBits(item.operator, bitsText(item, render));
        if (item.operator === "+") return render(item.operand);
        const operand = itemAt(item.operand);
        return operand?.kind === "number"
          ? operators.number(-operand.value, isWhole)
          : `(-${render(item.operand)})`;
      }
      case "binary":
        return isOfBits(item)
          ? operators.numberOfBits(item.operator, bitsText(item, render))
          : binaryText(item, render);
      case "choice": {
        // There is no choice between a float and an integer, as which gpu.js takes whole numbers.
        const [one, other] = [item.one, item.other].map((each) => {
          const text = numberText(each, render);
          return ranges.of(each) === undefined ? text : operators.float(text);
        });
        return `(${numberText(item.condition, render)} ? ${one} : ${other})`;
      }
      case "call":
        return operators.call(item.name, item.args.map((each) => numberText(each, render)));
    }
  }

  const text = renderKernel(parsed.text, items, body, replace);
  if (arrays.length > mostArrays) return undefined;
  const result = { buffer: output.buffer, dtype: "float32" } as const;
  const { functions, numbers } = writer.finish("0", extents, result);
  const parameters = [...arrays.map((_, i) => `a${i}`), ...numbers.map((_, i) => `s${i}`)];
  return {
    source: `function kernel(${parameters.join(", ")}) {${text}}`,
    functions,
    customFunctions: [...operators.customFunctions],
    arrays: arrays.map(({ buffer }) => ({ buffer, dtype: "float32" })),
    sizes: arrays.map(({ shape }) =>
      indices === "flat" || shape.length === 0 ? [sizeOf(shape)] : shape.toReversed()
    ),
    needsCheck: arrays.map((_, i) => needsCheck.has(i)),
    hasReturnInLoop,
    numbers,
    output: extents,
    result,
    readsInPlace: [],
    // gpu.js ends loops whose bounds are no constants.
    loopMaxIterations: 2 ** 31 - 1,
  };
}

/** Their results for integers; ~ has -1 for its other operand. */
const bitOperators = {
  "~": (a: number, b: number) => a ^ b,
  "|": (a: number, b: number) => a | b,
  "&": (a: number, b: number) => a & b,
  "^": (a: number, b: number) => a ^ b,
  "<<": (a: number, b: number) => a << b,
  ">>": (a: number, b: number) => a >> b,
  ">>>": (a: number, b: number) => a >>> b,
};
const comparisons: ReadonlySet<string> = new Set(["==", "!=", "===", "!==", "<", ">", "<=", ">="]);

function usesBits(item: Item): boolean {
  const assigns = item.kind === "assignment" && item.operator.slice(0, -1) in bitOperators;
  return assigns || isOfBits(item);
}

/** Elements at indices that are elements, one in the other, which gpu.js compiles in reasonable time. */
const mostGathers = 4;

/** The elements in whose indices an item lies. */
function around({ start, end }: Item, items: readonly Item[]): Item[] {
  return items.filter((each) => each.kind === "element" && each.start < start && end < each.end);
}

/** Tells elements at indices that are elements: in GLSL gpu.js declares a variable for each, of equal names. */
function gathers(items: readonly Item[]): (item: Item) => boolean {
  const elements = items.filter(({ kind }) => kind === "element");
  return (item) =>
    item.kind === "element" &&
    elements.some(({ start, end }) => start > item.start && end < item.end);
}

/** What gpu.js has against a user's function, said as such. */
export function compileError(name: string, error: unknown): SoftstepError {
  if (error instanceof SoftstepError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new KernelError("customKernel", `gpu.js does not compile ${name}: ${text}`);
}
