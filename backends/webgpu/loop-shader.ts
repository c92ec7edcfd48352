import type { Loop, Statement } from "../../src/backend/loop.ts";
import { DeviceError } from "../../src/core/errors.ts";
import type { ElementwiseName } from "../../src/graph/instruction-set.ts";
import { applyText, castText, hidden } from "./apply.ts";
import { type Argument, typeOf } from "./argument.ts";
import { type Combination, planCombination } from "./combine.ts";
import { enableText, entryText } from "./entry-point.ts";
import { productDepths } from "./float-arithmetic.ts";
import type { Width } from "./function-text.ts";
import { createFunctions } from "./functions.ts";
import { leastValues } from "./least-values.ts";
import type { Level } from "./loop-axes.ts";
import { createLoopBuffers, indexValue } from "./loop-buffers.ts";
import { computedAt, constantLoads, orderFor, type Sink } from "./loop-order.ts";
import { type Division, type LoopPlan, planLoop } from "./loop-plan.ts";
import { createReductions } from "./loop-reductions.ts";
import {
  gridOf,
  literal,
  prelude,
  type Shader,
  type ShaderLimits,
  type ShaderParts,
  storedType,
} from "./shader.ts";

/** What invocations are numbered with: unsigned, with room for what lies beyond the last. */
const mostInvocations = 2 ** 31;

/** A loop nest as a shader; undefined where it has no points. */
export function loopShader(loop: Loop, limits: ShaderLimits): Shader | undefined {
  const plan = planLoop(loop, limits);
  const { outerCount, innerCount, division } = plan;
  if (outerCount === 0) return undefined;
  if (outerCount > mostInvocations || innerCount > mostInvocations) {
    throw new DeviceError(
      "webgpu",
      `a pass over ${loop.extents.join(" x ")} points is more than a GPU counts, ` +
        `${mostInvocations}; split the tensors`,
    );
  }
  const each = division.kind === "each" ? division.invocations : division.columns;
  const grid = gridOf(Math.ceil(outerCount / each), limits);
  const invocations = division.kind === "each"
    ? division.invocations
    : division.columns * division.slices;
  const combination = combinationOf(division, invocations, limits);
  const text = textOf(plan, combination);
  const { subgroups } = combination;
  const code = `${
    enableText(subgroups === false ? [] : ["subgroups"])
  }${text.declarations}${text.functions}
${entryText(invocations, subgroups)}  let workgroup = ${grid.index};
${text.body}}
`;
  const { declare, functions, body, bindings } = text;
  return {
    code,
    bindings,
    workgroups: grid.workgroups,
    label: subgroups === false ? labelOf(plan) : `${labelOf(plan)}, subgroups`,
    ...(division.kind === "each" && { parts: { declare, functions, body, invocations } }),
  };
}

/** How a workgroup combines what its slices have. */
function combinationOf(
  division: Division,
  invocations: number,
  limits: ShaderLimits,
): Combination {
  if (division.kind === "each") return planCombination(1, 1, invocations, limits);
  const { slices, columns, neighbours } = division;
  return planCombination(slices, neighbours === "slices" ? 1 : columns, invocations, limits);
}

function labelOf({ vectorAxis, division }: LoopPlan): string {
  const width = vectorAxis === undefined ? "" : ", vec4";
  return division.kind === "each"
    ? `${division.invocations} threads${width}`
    : `${division.columns} x ${division.slices} threads${width}`;
}

interface ShaderText {
  readonly declarations: string;
  readonly declare: ShaderParts["declare"];
  readonly functions: string;
  readonly bindings: Shader["bindings"];
  readonly body: string;
}

function textOf(plan: LoopPlan, combination: Combination): ShaderText {
  const { loop: { statements, stores }, axes, sweepOf, vectorAxis, varies, division } = plan;
  const { extents, outer, walkOf } = axes;
  const buffers = createLoopBuffers(plan);
  const functions = createFunctions();
  const least = leastValues(statements);
  const depths = productDepths(statements);
  const widthOf = (index: number): Width => varies[index] ? 4 : 1;
  const constants = division.kind === "each" ? constantLoads(plan) : [];
  const written = new Set(constants);

  /** A statement's value, for one element or for four. */
  function argument(index: number, width: Width, isHidden = false): Argument {
    const statement = statements[index]!;
    const { dtype } = statement;
    const isLiteral = statement.kind === "literal";
    let own = `v${index}`;
    if (isLiteral) {
      own = literal(dtype, statement.value);
      // 0 x is not 0 for all x, nor x / Infinity, nor is x + 0 always x.
      const isPlain = statement.value !== 0 && Number.isFinite(statement.value);
      if (isHidden || (!isPlain && storedType(dtype) === "f32")) own = hidden(dtype, own);
    }
    const wide = width === 4 && !varies[index];
    const text = wide ? `${typeOf(dtype, 4)}(${own})` : own.startsWith("-") ? `(${own})` : own;
    return {
      text,
      dtype,
      literal: isLiteral ? statement.value : undefined,
      from: operationOf(statement),
      least: least[index],
      depth: depths[index]!,
      scalar: wide ? own : undefined,
    };
  }

  function valueOf(statement: Statement, index: number): string {
    const width = widthOf(index);
    switch (statement.kind) {
      case "literal":
      case "reduce":
        return "";
      case "load":
        return buffers.load(statement.access, walkOf(statement));
      case "index": {
        const text = indexValue(walkOf(statement), vectorAxis);
        const { dtype } = statement;
        if (dtype === "int32") return text;
        return castText(functions, width, { text: `(${text})`, dtype: "int32" }, dtype);
      }
      case "apply": {
        const isKnown = statement.args.every((arg) => statements[arg]!.kind === "literal");
        const args = statement.args.map((arg) => argument(arg, width, isKnown));
        return applyText(functions, width, statement.op, statement.params, args);
      }
    }
  }

  function line(index: number, indent: string): string {
    return `${indent}let v${index} = ${valueOf(statements[index]!, index)};\n`;
  }

  /** What is left to be computed at a level. */
  const leftAt = (sweep: number, level: Level): number[] =>
    computedAt(plan, sweep, level).filter((index) => !written.has(index));

  /** The statements of a level. */
  function block(sweep: number, level: Level, indent: string): string {
    const left = leftAt(sweep, level);
    left.forEach((index) => written.add(index));
    return left.map((index) => line(index, indent)).join("");
  }

  /** The stores at every point, or those that happen once for an outer one. */
  function storesOf(sweep: number, level: "inner" | "outer", indent: string): Sink[] {
    return stores.filter((store) =>
      sweepOf[store.statement] === sweep && isInnerStore(plan, store) === (level === "inner")
    ).map((store) => {
      const walk = walkOf(store);
      const wide = vectorAxis !== undefined && walk.strides[vectorAxis] !== 0;
      const value = argument(store.statement, wide ? 4 : 1).text;
      return {
        needs: [store.statement],
        text: buffers.store(store.access, walk, value, indent),
      };
    });
  }

  /** Statements of a level and what they are for, in an order that keeps few values waiting. */
  function inTurn(sweep: number, level: Level, sinks: readonly Sink[], indent: string): string {
    return orderFor(statements, leftAt(sweep, level), sinks)
      .map((each) => typeof each === "number" ? line(each, indent) : each.text).join("");
  }

  const reductions = createReductions(plan, functions, argument);
  const outerExtents = countsOf(extents, vectorAxis).slice(0, outer);
  const innerExtents = countsOf(extents, vectorAxis).slice(outer);
  const isMap = !statements.some(({ kind }) => kind === "reduce");
  const outerText = (sweep: number) =>
    (isMap ? "" : block(sweep, "outer", "  ")) + reductions.start(sweep);
  const pointText = (sweep: number) => (indent: string) => {
    if (isMap) return "";
    const step = { needs: reductions.takes(sweep), text: reductions.step(sweep, indent) };
    return inTurn(sweep, "inner", [step, ...storesOf(sweep, "inner", indent)], indent);
  };

  let declarations = buffers.declarations;
  let body: string;
  if (division.kind === "each") {
    body = constants.map((index) => line(index, "  ")).join("") +
      invocationText(division, plan.outerCount) + decode("point", outerExtents, 0, "  ");
    for (let sweep = 0; sweep < plan.sweeps; sweep++) {
      const isLast = sweep === plan.sweeps - 1;
      body += outerText(sweep) + nested(innerExtents, outer, pointText(sweep)) +
        reductions.alone(sweep) + (isLast ? "" : block(sweep, "late", "  ")) +
        inTurn(sweep, isMap ? "outer" : "late", storesOf(sweep, "outer", "  "), "  ");
    }
  } else {
    declarations += reductions.declarations(division, combination);
    body = treeText(division, plan.outerCount, plan.innerCount) +
      decode("point", outerExtents, 0, "  ");
    // What one slice stores for an outer point is a matter of all of them.
    const barrier = rereadsRows(plan) ? "  storageBarrier();\n" : "";
    for (let sweep = 0; sweep < plan.sweeps; sweep++) {
      const isLast = sweep === plan.sweeps - 1;
      body += outerText(sweep) +
        `  for (var k = slice; k < points; k += ${division.slices}u) {\n` +
        decode("k", innerExtents, outer, "    ") + pointText(sweep)("    ") + "  }\n" +
        reductions.combined(sweep, combination, !isLast);
      // Later sweeps take what is reduced from all slices.
      if (!isLast) body += block(sweep, "late", "  ");
      const stores = storesOf(sweep, "outer", "    ");
      if (stores.length === 0) continue;
      const text = inTurn(sweep, "late", stores, "    ");
      body += `${barrier}  if (slice == 0u && isPoint) {\n${text}  }\n`;
      if (!isLast) body += barrier;
    }
  }

  const library = functions.text();
  const used = library + body;
  // Zeros in all workgroups, of which no compiler knows; one of them would cancel itself.
  const zeros = Object.entries({ zeroBits: "group.z", guardBits: "group.z >> 1u" })
    .filter(([name]) => used.includes(name));
  const zero = zeros.map(([name]) => `var<private> ${name}: u32;\n`).join("");
  const needed = used.includes("floatOfBits(") ? prelude : "";
  return {
    declarations,
    declare: buffers.declare,
    functions: [zero, needed, library].filter((text) => text !== "").map((text) => `\n${text}`)
      .join(""),
    bindings: buffers.bindings,
    body: zeros.map(([name, value]) => `  ${name} = ${value};\n`).join("") + body,
  };
}

/** What a compiler sees as the origin of a value. */
function operationOf(statement: Statement): ElementwiseName | undefined {
  if (statement.kind === "apply") return statement.op;
  return statement.kind === "reduce" ? "add" : undefined;
}

/** Whether a store happens at every point, rather than once for an outer one. */
function isInnerStore(
  { levels, axes: { outer, walkOf } }: LoopPlan,
  store: Loop["stores"][number],
): boolean {
  return levels[store.statement] === "inner" ||
    walkOf(store).strides.slice(outer).some((stride) => stride !== 0);
}

/** Whether a loop with several sweeps loads what one slice stores, a result of an outer point. */
function rereadsRows(plan: LoopPlan): boolean {
  const { loop: { statements, stores }, sweeps } = plan;
  const rows = stores.filter((store) => !isInnerStore(plan, store))
    .map(({ access }) => access.buffer);
  return sweeps > 1 &&
    statements.some((each) => each.kind === "load" && rows.includes(each.access.buffer));
}

/** Points along each axis, or vectors. */
function countsOf(extents: readonly number[], vectorAxis: number | undefined): number[] {
  return extents.map((extent, axis) => axis === vectorAxis ? extent / 4 : extent);
}

/** The variables of axes from `first` on, from a number in row-major order. */
function decode(from: string, extents: readonly number[], first: number, indent: string): string {
  let text = "";
  let rest = from;
  for (let axis = extents.length - 1; axis >= 0; axis--) {
    const [name, extent] = [`i${first + axis}`, extents[axis]!];
    if (axis === 0) text += `${indent}let ${name} = ${rest};\n`;
    else {
      text += `${indent}let ${name} = ${rest} % ${extent}u;\n`;
      text += `${indent}let rest${first + axis} = ${rest} / ${extent}u;\n`;
      rest = `rest${first + axis}`;
    }
  }
  return text;
}

/** Loops over axes from `first` on. */
function nested(
  extents: readonly number[],
  first: number,
  body: (indent: string) => string,
): string {
  let open = "";
  let close = "";
  let indent = "  ";
  extents.forEach((extent, i) => {
    const name = `i${first + i}`;
    open += `${indent}for (var ${name} = 0u; ${name} < ${extent}u; ${name}++) {\n`;
    close = `${indent}}\n${close}`;
    indent += "  ";
  });
  return open + body(indent) + close;
}

function invocationText({ invocations }: Division & { kind: "each" }, count: number): string {
  return `  let point = workgroup * ${invocations}u + local;
  if (point >= ${count}u) {
    return;
  }
`;
}

/** Every invocation goes through all barriers, those beyond the last point too: they have nothing to add. */
function treeText(
  { slices, columns, neighbours }: Division & { kind: "tree" },
  outerCount: number,
  innerCount: number,
): string {
  const pointText = `  let point = workgroup * ${columns}u + column;
  let isPoint = point < ${outerCount}u;
  let points = select(0u, ${innerCount}u, isPoint);
`;
  return neighbours === "slices"
    ? `  let column = local / ${slices}u;
  let slice = local % ${slices}u;
${pointText}`
    : `  let column = local % ${columns}u;
  let slice = local / ${columns}u;
${pointText}`;
}
