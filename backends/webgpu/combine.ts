/** How invocations of a workgroup make one value of theirs. */
import type { ShaderLimits } from "./shader.ts";

/** Who combines, and by which means. */
export interface Combination {
  /** How many values: a power of two. */
  readonly slices: number;
  /** From one slice to the next in `local`: a power of two. */
  readonly apart: number;
  /** How many slices, from 0 on, one subgroup combines in the end; 1 without subgroups. */
  readonly last: number;
  /** Whether that is not all of them, so that workgroup memory is needed. */
  readonly usesMemory: boolean;
  /** Invocations of a subgroup; false where none is used, so that the shader need not enable them. */
  readonly subgroups: number | false;
}

/** Plans how a workgroup of so many invocations combines slices. */
export function planCombination(
  slices: number,
  apart: number,
  invocations: number,
  { subgroups: allowed, subgroupSize }: ShaderLimits,
): Combination {
  // Numbered in the way of `entryText`, invocations are neighbours in subgroups that are full.
  const isUsed = allowed && subgroupSize !== undefined && invocations % subgroupSize === 0;
  const last = isUsed ? Math.min(slices, Math.max(1, subgroupSize / apart)) : 1;
  const subgroups = last > 1 && subgroupSize !== undefined && subgroupSize;
  return { slices, apart, last, usesMemory: slices > last, subgroups };
}

/** The text of what is combined. */
interface Combined {
  /** A variable that holds an invocation's value, and in the end, in slice 0 at least, the result. */
  readonly value: string;
  /** The number of the invocation's slice. */
  readonly slice: string;
  /** An array in workgroup memory with an element for each `local`, which nobody reads or writes at the moment. */
  readonly shared: string;
  readonly merge: (a: string, b: string) => string;
  /** Whether all slices are to have the result. */
  readonly everywhere?: boolean;
  /** The value of the invocation whose `local` differs by a power of two, as an expression. */
  readonly shuffle?: (value: string, distance: number) => string;
}

/** So many values an invocation reads by itself, rather than to wait for others that combine them. */
const mostReads = 8;

/**
 * Statements that combine the values of all slices in a tree: those half of all slices apart, then those a quarter
 * apart, and so on. With subgroups most levels need no barrier, and the last ones no memory. The order stays what it is
 * without, and so does every bit of the result, however large subgroups are.
 */
export function combineText(
  { slices, apart, last, usesMemory }: Combination,
  { value, slice, shared, merge, everywhere = false, shuffle = shuffled }: Combined,
): string {
  const at = (distance: string | number, from = "local") =>
    `${shared}[${from}${
      distance === 0 ? "" : ` + ${distance}${apart === 1 ? "" : ` * ${apart}u`}`
    }]`;
  const reads = last === 1 ? 1 : Math.min(slices / last, mostReads);
  let text = "";
  if (usesMemory) text += `  ${shared}[local] = ${value};\n  workgroupBarrier();\n`;
  if (slices > last * reads) {
    text += `  for (var half = ${slices / 2}u; half >= ${last * reads}u; half /= 2u) {
    if (${slice} < half) {
      ${at(0)} = ${merge(at(0), at("half"))};
    }
    workgroupBarrier();
  }
`;
  }
  if (usesMemory && (everywhere || reads > 1)) {
    const from = everywhere ? "first" : "local";
    const places = Array.from({ length: reads }, (_, i) => at(i === 0 ? 0 : `${i * last}u`, from));
    const merged = mergePlaces(places, value, merge);
    // Each subgroup makes the result for itself.
    const before = last === 1 ? slice : `${slice} / ${last}u`;
    const step = last * apart === 1 ? "" : ` * ${last * apart}u`;
    text += everywhere
      ? `  {\n    let first = local - ${before}${step};\n${merged}  }\n`
      : `  if (${slice} < ${last}u) {\n${merged}  }\n`;
  } else if (usesMemory) text += `  ${value} = ${at(0)};\n`;
  for (let half = last / 2; half >= 1; half /= 2) {
    text += `  {
    let other = ${shuffle(value, half * apart)};
    ${value} = ${merge(value, "other")};
  }
`;
  }
  return text;
}

function shuffled(value: string, distance: number): string {
  return `subgroupShuffleXor(${value}, ${distance}u)`;
}

/** The same tree within one invocation. */
function mergePlaces(
  places: readonly string[],
  target: string,
  merge: (a: string, b: string) => string,
): string {
  let text = "";
  let names = places;
  while (names.length > 1) {
    const half = names.length / 2;
    const merged = names.slice(0, half).map((name, i) => merge(name, names[i + half]!));
    names = merged.map((_, i) => `of${half}_${i}`);
    text += merged.map((each, i) => `    let ${names[i]} = ${each};\n`).join("");
  }
  return `${text}    ${target} = ${names[0]};\n`;
}
