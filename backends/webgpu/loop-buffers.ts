import type { Access } from "../../src/backend/loop.ts";
import type { Width } from "./function-text.ts";
import type { Walk } from "./loop-axes.ts";
import { type LoopPlan, reachOf } from "./loop-plan.ts";
import { type Binding, declareBuffer, type Scalar, storedType } from "./shader.ts";
import { typeOf, widen } from "./argument.ts";

/** The buffers of a loop nest in the text of its shader. */
export interface LoopBuffers {
  readonly declarations: string;
  /** The same ones, with other numbers and names. */
  readonly declare: readonly ((binding: number, name: string) => string)[];
  readonly bindings: readonly Binding[];
  /** A load as an expression of the value's type. */
  load(access: Access, walk: Walk): string;
  /** A store of a value's name as statements, indented. */
  store(access: Access, walk: Walk, value: string, indent: string): string;
}

interface Declared {
  readonly name: string;
  readonly scalar: Scalar;
  readonly width: Width;
}

/**
 * A buffer is bound once, as vectors where some access takes it so and none takes four elements that lie apart; other
 * accesses pick an element of a vector.
 */
export function createLoopBuffers({ loop, axes, vectorAxis }: LoopPlan): LoopBuffers {
  const written = new Set(loop.stores.map(({ access }) => access.buffer));
  const owners = [...loop.statements.filter((each) => each.kind === "load"), ...loop.stores];
  const declared = new Map<number, Declared>();
  const bindings: Binding[] = [];
  const declare: LoopBuffers["declare"][number][] = [];
  let declarations = "";
  for (const { access } of owners) {
    const { buffer, dtype } = access;
    if (declared.has(buffer)) continue;
    const reaches = owners.filter((owner) => owner.access.buffer === buffer)
      .map((owner) => reachOf(axes.walkOf(owner), vectorAxis));
    const width: Width = reaches.includes("vector") && !reaches.includes("lanes") ? 4 : 1;
    const [name, scalar] = [`buffer${bindings.length}`, storedType(dtype)];
    const writes = written.has(buffer);
    const element = widen(scalar, width);
    declare.push((binding, name) => declareBuffer(binding, name, element, writes));
    declarations += declareBuffer(bindings.length, name, element, writes);
    declared.set(buffer, { name, scalar, width });
    bindings.push({ buffer, writes });
  }

  /** The places of an access: that of a vector, of one element, or of four. */
  function places({ name, width }: Declared, walk: Walk): readonly string[] {
    const reach = reachOf(walk, vectorAxis);
    if (reach === "vector" && width === 4) {
      const whole = {
        offset: walk.offset / 4,
        strides: walk.strides.map((stride, axis) => axis === vectorAxis ? 1 : stride / 4),
      };
      return [`${name}[${indexText(whole, undefined)}]`];
    }
    if (reach === "fixed") {
      const index = indexText(walk, vectorAxis);
      return [width === 1 ? `${name}[${index}]` : `${name}[(${index}) / 4u][(${index}) % 4u]`];
    }
    return [0, 1, 2, 3].map((lane) => {
      const offset = walk.offset + lane * walk.strides[vectorAxis!]!;
      return `${name}[${indexText({ ...walk, offset }, vectorAxis)}]`;
    });
  }

  function load({ buffer, dtype }: Access, walk: Walk): string {
    const seen = declared.get(buffer)!;
    const all = places(seen, walk);
    const width: Width = reachOf(walk, vectorAxis) === "fixed" ? 1 : 4;
    const raw = all.length === 1 ? all[0]! : `${widen(seen.scalar, 4)}(${all.join(", ")})`;
    const stored = storedType(dtype);
    const typed = stored === seen.scalar ? raw : `bitcast<${widen(stored, width)}>(${raw})`;
    return dtype === "bool" ? `${typed} != ${widen("u32", width)}(0u)` : typed;
  }

  function store({ buffer, dtype }: Access, walk: Walk, value: string, indent: string): string {
    const seen = declared.get(buffer)!;
    const width: Width = reachOf(walk, vectorAxis) === "fixed" ? 1 : 4;
    const U = widen("u32", width);
    const stored = dtype === "bool" ? `select(${U}(0u), ${U}(1u), ${value})` : value;
    const typed = storedType(dtype) === seen.scalar
      ? stored
      : `bitcast<${widen(seen.scalar, width)}>(${stored})`;
    const all = places(seen, walk);
    if (all.length === 1) return `${indent}${all[0]} = ${typed};\n`;
    const name = `to_${seen.name}`;
    const lines = all.map((place, lane) => `${indent}  ${place} = ${name}[${lane}];\n`);
    return `${indent}{\n${indent}  let ${name} = ${typed};\n${lines.join("")}${indent}}\n`;
  }

  return { declarations, declare, bindings, load, store };
}

/** A position as an expression on the variables of the axes; the one of vectors counts in fours. */
export function indexText({ offset, strides }: Walk, vectorAxis: number | undefined): string {
  const terms: string[] = [];
  strides.forEach((stride, axis) => {
    const step = axis === vectorAxis ? 4 * stride : stride;
    if (step === 0) return;
    const size = Math.abs(step) === 1 ? `i${axis}` : `i${axis} * ${Math.abs(step)}u`;
    // Unsigned numbers wrap, so that a sum may pass below 0.
    if (step > 0) terms.push(terms.length === 0 ? size : ` + ${size}`);
    else terms.push(terms.length === 0 ? `0u - ${size}` : ` - ${size}`);
  });
  if (offset > 0 && terms.length > 0) return `${offset}u + ${terms.join("")}`;
  if (terms.length === 0) return `${offset}u`;
  return offset < 0 ? `${terms.join("")} - ${-offset}u` : terms.join("");
}

/** The value of an `index` statement as an expression of type i32. */
export function indexValue(walk: Walk, vectorAxis: number | undefined): string {
  const first = `i32(${indexText({ ...walk, offset: 0 }, vectorAxis)})`;
  const moves = vectorAxis === undefined ? 0 : walk.strides[vectorAxis]!;
  const { offset } = walk;
  if (moves === 0) return offset === 0 ? first : `${first} + ${wrapped(offset)}`;
  const lanes = [0, 1, 2, 3].map((lane) => wrapped(offset + lane * moves)).join(", ");
  return `${typeOf("int32", 4)}(${first}) + ${typeOf("int32", 4)}(${lanes})`;
}

function wrapped(value: number): string {
  return (value | 0) < 0 ? `(${value | 0})` : String(value | 0);
}
