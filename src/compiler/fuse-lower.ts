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
import { createKeeping, type Keeping } from "./fuse-keeping.ts";
import { NeedsMemory } from "./fuse-needs-memory.ts";
import { sumsInDisorder } from "./fuse-order.ts";
import { isReduction, reductionOf, type Roles, valuesOf } from "./fuse-roles.ts";
import { createSweeps, isComputed, type LoopBody, type Sweeps } from "./fuse-sweeps.ts";

/** A statement over the axes of a domain; an iota may still run along several of them. */
export type DomainStatement =
  | Exclude<Statement, { kind: "index" } | { kind: "load" }>
  | { readonly kind: "load"; readonly id: number; readonly at: Affine; readonly dtype: DType }
  | { readonly kind: "iota"; readonly at: Affine; readonly dtype: DType };

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
  /** Where in `statements` each sweep but the first begins. */
  readonly sweeps: readonly number[];
  /** The values that it was written down for, in order. */
  readonly stored: readonly number[];
  readonly stores: readonly {
    readonly id: number;
    readonly statement: number;
    readonly at: Affine;
  }[];
  readonly reads: readonly Read[];
}

/**
 * Writes down the loop that computes the `stored` values of a body, cutting axes of the domain where it has to.
 * What the body does not compute is read from memory. What is needed at every point but depends on a reduction is
 * computed in a further sweep; values of earlier sweeps are computed again there, but for those that take long: they
 * are stored, in the place of a later result if need be, and read again.
 *
 * @throws {NeedsMemory} of what a loop cannot compute, or cannot sum in the order of its elements.
 */
export function lower(
  roles: Roles,
  body: LoopBody,
  stored: readonly number[],
  domain: Domain,
): LoweredLoop {
  const sweeps = createSweeps(roles, body);
  const results = stored.filter((id) => !body.levels.get(id));
  let sparing = false;
  for (let cut = domain;;) {
    const keeping = createKeeping(roles, body, results, sweeps.firstOf, sparing);
    try {
      const lowered = lowerOver(roles, body, stored, sweeps, keeping, cut);
      if (sumsInDisorder(lowered)) throw new NeedsMemory(summedBy(roles, body));
      return lowered;
    } catch (signal) {
      if (signal instanceof AxisCut) {
        cut = cutAxis(cut, signal.axis, signal.inner);
      } else if (sparing || keeping.kept().length === 0) {
        throw signal;
      } else {
        sparing = true;
      }
    }
  }
}

/** A value that is summed by a body. */
function summedBy({ producers }: Roles, { members }: LoopBody): number {
  const sum = [...members].map((id) => producers[id]!).find(({ op }) => op === "reduceSum")!;
  return valuesOf(sum)[0]!.id;
}

function lowerOver(
  roles: Roles,
  body: LoopBody,
  stored: readonly number[],
  { firstOf, outerValues }: Sweeps,
  keeping: Keeping,
  domain: Domain,
): LoweredLoop {
  const { producers, specs, memoryOf } = roles;
  const { levels } = body;
  const statements: DomainStatement[] = [];
  const sweepOf: number[] = [];
  /** Of each sweep. */
  const numbers: Map<string, number>[] = [];
  const computed = new Map<string, Map<number, number>>();
  const reads = new Map<string, Read>();

  const sweepsOfStored = stored.map((id) => Math.max(0, firstOf(id, levels.get(id)!)));
  const hasSweeps = Math.max(0, ...sweepsOfStored) > 0;

  function emit(sweep: number, key: string, statement: DomainStatement): number {
    const known = numbers[sweep] ??= new Map();
    let number = known.get(key);
    if (number === undefined) {
      number = statements.push(statement) - 1;
      sweepOf.push(sweep);
      known.set(key, number);
    }
    return number;
  }

  function literal(value: number, dtype: DType): number {
    const key = `literal ${Object.is(value, -0) ? "-0" : value} ${dtype}`;
    return emit(0, key, { kind: "literal", value, dtype });
  }

  function load(id: number, map: IndexMap, outer: boolean, sweep: number): number {
    const { shape, dtype } = specs[id]!;
    const memory = memoryOf(id);
    const at = position(map, shape, domain);
    const key = `${memory} ${at.offset}:${at.factors} ${dtype}`;
    reads.set(`${key} ${outer}`, {
      id: memory,
      outer,
      inPlace: isIdentity(at, shape, domain, outer),
      once: at.factors.every((factor) => factor !== 0),
    });
    return emit(sweep, `load ${key}`, { kind: "load", id: memory, at, dtype });
  }

  function value(operand: Operand, map: IndexMap, outer: boolean, sweep: number): number {
    if (isLiteral(operand)) return literal(operand.literal, operand.spec.dtype);
    const { id } = operand;
    const memory = memoryOf(id);
    const isMember = isComputed(roles, body, id) &&
      (memory === id || isComputed(roles, body, memory));
    return isMember ? member(id, map, outer, sweep) : load(id, map, outer, sweep);
  }

  const isInPlace = (id: number, map: IndexMap, outer: boolean): boolean => {
    const { shape } = specs[id]!;
    return isIdentity(position(map, shape, domain), shape, domain, outer);
  };

  function member(id: number, map: IndexMap, outer: boolean, sweep: number): number {
    if (!levels.get(id)) return computeOnce(id, map, outer, sweep);
    const own = firstOf(id, true);
    if (outer) return computeOnce(id, map, true, own < 0 ? sweep : own);
    if (!isInPlace(id, map, true)) throw new NeedsMemory(id);
    return member(id, identityMap(specs[id]!.shape, domain, true), true, sweep);
  }

  /** The arguments of the last call of `computedAt`, and what it gave: most calls are alike. */
  let last: readonly [IndexMap, boolean, number, Map<number, number>] | undefined;

  /** The values that were computed at the places of a map. */
  function computedAt(map: IndexMap, outer: boolean, sweep: number): Map<number, number> {
    if (last?.[0] === map && last[1] === outer && last[2] === sweep) return last[3];
    const key = `${outer} ${sweep} ${map.key}`;
    let known = computed.get(key);
    if (known === undefined) computed.set(key, known = new Map());
    last = [map, outer, sweep, known];
    return known;
  }

  function computeOnce(id: number, map: IndexMap, outer: boolean, sweep: number): number {
    const known = computedAt(map, outer, sweep);
    let number = known.get(id);
    if (number === undefined) {
      // What is worth being stored is not computed for other places too.
      const isElsewhere = outerValues.size > 0 && levels.get(id) === false &&
        (outer || !isInPlace(id, map, false));
      if (isElsewhere) throw new NeedsMemory(id);
      number = (outer || !hasSweeps ? undefined : again(id, map, sweep)) ??
        compute(producers[id]!, map, outer, sweep);
      known.set(id, number);
    }
    return number;
  }

  /** Reads what an earlier sweep has computed and stored. */
  function again(id: number, map: IndexMap, sweep: number): number | undefined {
    const place = keeping.placeOf(id, sweep, () => levels.has(id) && isInPlace(id, map, false));
    if (place === undefined) return undefined;
    const { shape, dtype } = specs[id]!;
    const at = position(map, shape, domain);
    return emit(sweep, `again ${id}`, { kind: "load", id: place, at, dtype });
  }

  /** A chain of reshapes is one: what lies between need not be written down. */
  function shownBy({ op, operands: [operand], output }: Instruction): Operand {
    const id = memoryOf(output.id);
    return op === "reshape" && id !== output.id ? { id, spec: specs[id]! } : operand!;
  }

  function compute(instruction: Instruction, map: IndexMap, outer: boolean, sweep: number): number {
    const { op, params, operands, output: { id, spec: { shape, dtype } } } = instruction;
    if (isView(instruction)) {
      const shown = shownBy(instruction);
      const source = throughView(instruction, map, shown.spec.shape, domain);
      if (source === undefined) throw new NeedsMemory((shown as Value).id);
      return value(shown, source, outer, sweep);
    }
    if (isReduction(instruction)) {
      if (map.key !== identityMap(shape, domain, true).key) throw new NeedsMemory(id);
      const whole = identityMap(operands[0]!.spec.shape, domain, false);
      const arg = value(operands[0]!, whole, false, sweep);
      const reduction = reductionOf(instruction);
      return emit(sweep, `${reduction} ${arg}`, { kind: "reduce", op: reduction, arg, dtype });
    }
    if (op === "full") return literal((params as PrimitiveParams["full"]).value, dtype);
    if (op === "iota") {
      const at = map.axes[(params as PrimitiveParams["iota"]).axis]!;
      return emit(sweep, `iota ${at.offset}:${at.factors} ${dtype}`, { kind: "iota", at, dtype });
    }
    const args = operands.map((operand) =>
      value(operand, throughBroadcasting(map, operand.spec.shape, shape, domain), outer, sweep)
    );
    return emit(sweep, `${op} ${args} ${dtype}${printParams(params)}`, {
      kind: "apply",
      op: op as ElementwiseName,
      params,
      args,
      dtype,
    });
  }

  /** A value in its own place, in the memory of `place`. */
  function store(id: number, sweep: number, place = id): LoweredLoop["stores"][number] {
    const outer = levels.get(id)!;
    const { shape, dtype } = specs[id]!;
    const map = identityMap(shape, domain, outer);
    let statement = member(id, map, outer, sweep);
    if (!outer && sweepOf[statement]! < sweep) {
      // What an earlier sweep has reduced, at every point.
      statement = emit(sweep, `stopGradient ${statement} ${dtype}`, {
        kind: "apply",
        op: "stopGradient",
        params: {},
        args: [statement],
        dtype,
      });
    }
    return { id: place, statement, at: position(map, shape, domain) };
  }

  if (hasSweeps) {
    // Sweep by sweep, so that each knows what was computed before.
    const wanted = [...outerValues, ...stored]
      .map((id) => ({ id, sweep: firstOf(id, levels.get(id)!) }))
      .filter(({ sweep }) => sweep >= 0)
      .sort((a, b) => a.sweep - b.sweep);
    for (const { id, sweep } of wanted) store(id, sweep);
  }
  const stores = stored.map((id, i) => store(id, sweepsOfStored[i]!));
  const before = keeping.kept().map(({ id, sweep, place }) => store(id, sweep, place));
  return {
    domain,
    stored,
    reads: [...reads.values()],
    ...inSweeps(statements, sweepOf, [...before, ...stores]),
  };
}

/** The statements with those of one sweep behind each other. */
function inSweeps(
  statements: readonly DomainStatement[],
  sweepOf: readonly number[],
  stores: LoweredLoop["stores"],
): Pick<LoweredLoop, "statements" | "sweeps" | "stores"> {
  const last = Math.max(0, ...sweepOf);
  if (last === 0) return { statements, sweeps: [], stores };
  const order = [...statements.keys()].sort((a, b) => sweepOf[a]! - sweepOf[b]!);
  const numbers: number[] = [];
  order.forEach((from, to) => numbers[from] = to);
  const number = (from: number): number => numbers[from]!;
  return {
    statements: order.map((from) => {
      const statement = statements[from]!;
      return statement.kind === "apply"
        ? { ...statement, args: statement.args.map(number) }
        : statement.kind === "reduce"
        ? { ...statement, arg: number(statement.arg) }
        : statement;
    }),
    sweeps: Array.from(
      { length: last },
      (_, sweep) => order.findIndex((from) => sweepOf[from]! > sweep),
    ),
    stores: stores.map((store) => ({ ...store, statement: number(store.statement) })),
  };
}
