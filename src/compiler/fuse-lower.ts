import type { Statement } from "../backend/loop.ts";
import type { DType } from "../core/dtype.ts";
import { type Instruction, isLiteral, type Operand, type Value } from "../graph/graph.ts";
import type { ElementwiseName, PrimitiveParams } from "../graph/instruction-set.ts";
import { printParams } from "../graph/print.ts";
import { cutAxis, type Domain } from "./fuse-domain.ts";
import {
  type Affine,
  AxisCut,
  identityMap,
  type IndexMap,
  isIdentity,
  isView,
  position,
  throughBroadcasting,
  throughView,
} from "./fuse-index-map.ts";
import { isReduction, reductionOf, type Roles } from "./fuse-roles.ts";

/** A statement over the axes of a domain; an iota may still run along several of them. */
export type DomainStatement =
  | Exclude<Statement, { kind: "index" } | { kind: "load" }>
  | { readonly kind: "load"; readonly id: number; readonly at: Affine; readonly dtype: DType }
  | { readonly kind: "iota"; readonly at: Affine; readonly dtype: DType };

/** A value that a loop shall store. */
export interface Root {
  readonly id: number;
  /** Whether it belongs to the axes that are not reduced, because it depends on a reduction. */
  readonly outer: boolean;
}

/** A value in memory that a loop reads. */
export interface Read {
  readonly id: number;
  /** For what is computed after reductions. */
  readonly outer: boolean;
  /** Each point reads the element in its own place. */
  readonly inPlace: boolean;
  /** No two points read the same element. */
  readonly once: boolean;
}

/** A loop over a domain. */
export interface LoweredLoop {
  readonly domain: Domain;
  readonly statements: readonly DomainStatement[];
  readonly stores: readonly {
    readonly id: number;
    readonly statement: number;
    readonly at: Affine;
  }[];
  readonly reads: readonly Read[];
}

/** Thrown inside of the compiler where a loop needs a value in memory that was to be inlined. */
export class NeedsMemory {
  readonly id: number;

  constructor(id: number) {
    this.id = id;
  }
}

/**
 * Writes down the loop that computes `roots`, cutting axes of the domain where it has to. `members` are
 * computed in it, inlined values too; all others are read from memory.
 */
export function lower(
  roles: Roles,
  members: ReadonlySet<number>,
  roots: readonly Root[],
  domain: Domain,
): LoweredLoop {
  for (let cut = domain;;) {
    try {
      return lowerOver(roles, members, roots, cut);
    } catch (signal) {
      if (!(signal instanceof AxisCut)) throw signal;
      cut = cutAxis(cut, signal.axis, signal.inner);
    }
  }
}

function lowerOver(
  { producers, roles, specs, pinned, memoryOf }: Roles,
  members: ReadonlySet<number>,
  roots: readonly Root[],
  domain: Domain,
): LoweredLoop {
  const statements: DomainStatement[] = [];
  const numbers = new Map<string, number>();
  const computed = new Map<string, number>();
  const reads = new Map<string, Read>();

  function emit(key: string, statement: DomainStatement): number {
    let number = numbers.get(key);
    if (number === undefined) {
      number = statements.push(statement) - 1;
      numbers.set(key, number);
    }
    return number;
  }

  function literal(value: number, dtype: DType): number {
    const key = `literal ${Object.is(value, -0) ? "-0" : value} ${dtype}`;
    return emit(key, { kind: "literal", value, dtype });
  }

  function load(id: number, map: IndexMap, outer: boolean): number {
    const { shape, dtype } = specs.get(id)!;
    const memory = memoryOf(id);
    const at = position(map, shape, domain);
    const key = `${memory} ${at.offset}:${at.factors} ${dtype}`;
    reads.set(`${key} ${outer}`, {
      id: memory,
      outer,
      inPlace: isIdentity(at, shape, domain, outer),
      once: at.factors.every((factor) => factor !== 0),
    });
    return emit(`load ${key}`, { kind: "load", id: memory, at, dtype });
  }

  const isInlined = (id: number): boolean =>
    members.has(id) || (roles.get(id) === "inlined" && !pinned.has(id));

  function value(operand: Operand, map: IndexMap, outer: boolean): number {
    if (isLiteral(operand)) return literal(operand.literal, operand.spec.dtype);
    const { id } = operand;
    return isInlined(id) && isInlined(memoryOf(id)) ? member(id, map, outer) : load(id, map, outer);
  }

  function member(id: number, map: IndexMap, outer: boolean): number {
    const key = `${id} ${outer} ${map.key}`;
    let number = computed.get(key);
    if (number === undefined) {
      number = compute(producers.get(id)!, map, outer);
      computed.set(key, number);
    }
    return number;
  }

  /** A chain of reshapes is one: what lies between need not be written down. */
  function shownBy({ op, operands: [operand], output }: Instruction): Operand {
    const id = memoryOf(output.id);
    return op === "reshape" && id !== output.id ? { id, spec: specs.get(id)! } : operand!;
  }

  function compute(instruction: Instruction, map: IndexMap, outer: boolean): number {
    const { op, params, operands, output: { id, spec: { shape, dtype } } } = instruction;
    if (isView(instruction)) {
      const shown = shownBy(instruction);
      const source = throughView(instruction, map, shown.spec.shape, domain);
      if (source === undefined) throw new NeedsMemory((shown as Value).id);
      return value(shown, source, outer);
    }
    if (isReduction(instruction)) {
      if (map.key !== identityMap(shape, domain, true).key) throw new NeedsMemory(id);
      const arg = value(operands[0]!, identityMap(operands[0]!.spec.shape, domain, false), false);
      const reduction = reductionOf(instruction);
      return emit(`${reduction} ${arg}`, { kind: "reduce", op: reduction, arg, dtype });
    }
    if (op === "full") return literal((params as PrimitiveParams["full"]).value, dtype);
    if (op === "iota") {
      const at = map.axes[(params as PrimitiveParams["iota"]).axis]!;
      return emit(`iota ${at.offset}:${at.factors} ${dtype}`, { kind: "iota", at, dtype });
    }
    const args = operands.map((operand) =>
      value(operand, throughBroadcasting(map, operand.spec.shape, shape, domain), outer)
    );
    return emit(`${op} ${args} ${dtype}${printParams(params)}`, {
      kind: "apply",
      op: op as ElementwiseName,
      params,
      args,
      dtype,
    });
  }

  const stores = roots.map(({ id, outer }) => {
    const { shape } = specs.get(id)!;
    const map = identityMap(shape, domain, outer);
    const statement = member(id, map, outer);
    return { id, statement, at: position(map, shape, domain) };
  });
  return { domain, statements, stores, reads: [...reads.values()] };
}
