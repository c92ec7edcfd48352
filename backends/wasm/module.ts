/**
 * A small assembler for WebAssembly modules.
 *
 *     const module = createModule();
 *     module.importMemory(1, 65536, true); // { env: { memory } }
 *     const scale = module.func(["i32", "i32", "f32"], undefined, (f, at, end, factor) => {
 *       const k = f.local("v128", f32x4.splat(factor)); // a local with its first value
 *       f.loop((again) => {
 *         f.if(i32.lt_u(at, end), () => {
 *           f.do(v128.store(at, f32x4.mul(v128.load(at), k)));
 *           f.set(at, i32.add(at, i32.const(16)));
 *           f.br(again);
 *         });
 *       });
 *     });
 *     module.export("scale", scale);
 *     const compiled = new WebAssembly.Module(module.encode());
 *
 * - An instruction of `opcodes.ts` is an expression (a typed `Value`) or an `Effect`. A `Local` is a Value too: using
 *   it reads it. An expression that is used twice is computed twice: put it into a local.
 * - `f` appends to the function in order: `f.do(effect)`, `f.set(local, value)`, `f.local(type, first?)`,
 *   `f.block / f.loop((label) => ...)` with `f.br(label)` and `f.brIf(condition, label)` (out of a block, to the start
 *   of a loop), `f.if(condition, then, otherwise?)`, `f.while(condition, body)`,
 *   `f.for(i, limit, step, body)` (unsigned; i from its present value), `f.return(value?)`.
 *   A function with a result ends with `f.return`. `f.slot()` and `f.into(slot, body)` add to an earlier place (constants
 *   before a loop).
 * - `call(func, ...args)` is an expression; `callEffect` the same for functions without result.
 * - `module.importFunc` must precede the first `module.func`. A function may call functions made before it.
 */
import {
  type Code,
  type Effect,
  flatten,
  signed,
  unsigned,
  type Value,
  value,
  type ValueType,
} from "./value.ts";
export type { Effect, Value, ValueType } from "./value.ts";

/** A local variable or parameter: as an expression, its value. */
export interface Local<T extends ValueType = ValueType> extends Value<T> {
  readonly index: number;
}

/** A function of the module. */
export interface FuncRef<R extends ValueType | undefined = ValueType | undefined> {
  readonly index: number;
  readonly result: R;
}

/** The target of a branch. */
export interface Label {
  readonly depth: number;
}

/** A place in a function that code is appended to later. */
export interface Slot {
  readonly slot: Code[];
}

/** Appends to a function. */
export interface Func {
  local<T extends ValueType>(type: T, first?: Value<T>): Local<T>;
  set<T extends ValueType>(local: Local<T>, x: Value<T>): void;
  do(effect: Effect): void;
  block(body: (label: Label) => void): void;
  loop(body: (label: Label) => void): void;
  br(label: Label): void;
  brIf(condition: Value<"i32">, label: Label): void;
  if(condition: Value<"i32">, then: () => void, otherwise?: () => void): void;
  while(condition: () => Value<"i32">, body: () => void): void;
  /** While i < limit (unsigned): body, then i += step. */
  for(i: Local<"i32">, limit: Value<"i32">, step: number, body: () => void): void;
  return(x?: Value): void;
  /** A place for code that is found to be needed only later. */
  slot(): Slot;
  /** Appends what `body` appends to a slot instead. */
  into(slot: Slot, body: () => void): void;
}

type Locals<P extends readonly ValueType[]> = { [K in keyof P]: Local<P[K] & ValueType> };

/** A module in the making. */
export interface ModuleBuilder {
  importMemory(minPages: number, maxPages: number, shared: boolean): void;
  importFunc<R extends ValueType | undefined>(
    name: string,
    params: readonly ValueType[],
    result: R,
  ): FuncRef<R>;
  func<const P extends readonly ValueType[], R extends ValueType | undefined>(
    params: P,
    result: R,
    body: (f: Func, ...params: Locals<P>) => void,
  ): FuncRef<R>;
  export(name: string, func: FuncRef): void;
  encode(): Uint8Array<ArrayBuffer>;
}

const typeCode: Record<ValueType, number> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};
const noResult = 0x40;

/** The result of a call. */
export function call<R extends ValueType>(func: FuncRef<R>, ...args: Value[]): Value<R> {
  return value(func.result, [args.map((arg) => arg.code), 0x10, unsigned(func.index)]);
}

/** A call of a function without result. */
export function callEffect(func: FuncRef<undefined>, ...args: Value[]): Effect {
  return { effect: [args.map((arg) => arg.code), 0x10, unsigned(func.index)] };
}

function localAt<T extends ValueType>(type: T, index: number): Local<T> {
  return { type, index, code: [0x20, unsigned(index)] };
}

function createFunc(
  params: readonly ValueType[],
  result: ValueType | undefined,
): { f: Func; encode: () => number[] } {
  const types: ValueType[] = [];
  let code: Code[] = [];
  let depth = 0;

  const nested = (open: Code, body: (label: Label) => void): void => {
    code.push(open);
    depth++;
    body({ depth });
    depth--;
    code.push(0x0b);
  };
  const f: Func = {
    local(type, first) {
      const local = localAt(type, params.length + types.push(type) - 1);
      if (first !== undefined) f.set(local, first);
      return local;
    },
    set: (local, x) => void code.push(x.code, 0x21, unsigned(local.index)),
    do: ({ effect }) => void code.push(effect),
    block: (body) => nested([0x02, noResult], body),
    loop: (body) => nested([0x03, noResult], body),
    br: (label) => void code.push(0x0c, unsigned(depth - label.depth)),
    brIf: (condition, label) => void code.push(condition.code, 0x0d, unsigned(depth - label.depth)),
    if(condition, then, otherwise) {
      nested([condition.code, 0x04, noResult], () => {
        then();
        if (otherwise === undefined) return;
        code.push(0x05);
        otherwise();
      });
    },
    while(condition, body) {
      // Tested once before and then at the end, so that a turn has one branch.
      f.if(condition(), () =>
        f.loop((again) => {
          body();
          f.brIf(condition(), again);
        }));
    },
    for(i, limit, step, body) {
      f.while(() => value("i32", [i.code, limit.code, 0x49]), () => {
        body();
        f.set(i, value("i32", [i.code, 0x41, signed(step), 0x6a]));
      });
    },
    return: (x) => void code.push(x?.code ?? [], 0x0f),
    slot() {
      const slot = { slot: [] };
      code.push(slot.slot);
      return slot;
    },
    into({ slot }, body) {
      const outer = code;
      code = slot;
      body();
      code = outer;
    },
  };
  const encode = (): number[] => {
    const runs: [number, ValueType][] = [];
    for (const type of types) {
      const last = runs.at(-1);
      if (last?.[1] === type) last[0]++;
      else runs.push([1, type]);
    }
    const bytes: number[] = [];
    flatten([
      vector(runs.map(([count, type]) => [unsigned(count), typeCode[type]])),
      code,
      result === undefined ? [] : 0x00, // unreachable: it has returned before
      0x0b,
    ], bytes);
    return bytes;
  };
  return { f, encode };
}

/** Starts a module. */
export function createModule(): ModuleBuilder {
  const signatures: string[] = [];
  const typeSection: Code[] = [];
  const imports: Code[] = [];
  const functionTypes: number[] = [];
  const bodies: number[][] = [];
  const exports: Code[] = [];
  let importedFuncs = 0;

  const typeIndex = (params: readonly ValueType[], result: ValueType | undefined): number => {
    const key = `${params.join()}:${result}`;
    const known = signatures.indexOf(key);
    if (known >= 0) return known;
    typeSection.push([
      0x60,
      vector(params.map((type) => typeCode[type])),
      vector(result === undefined ? [] : [typeCode[result]]),
    ]);
    return signatures.push(key) - 1;
  };

  return {
    importMemory(min, max, shared) {
      imports.push([text("env"), text("memory"), 2, shared ? 3 : 1, unsigned(min), unsigned(max)]);
    },
    importFunc(name, params, result) {
      if (bodies.length > 0) throw new Error("importFunc after func");
      imports.push([text("env"), text(name), 0, unsigned(typeIndex(params, result))]);
      return { index: importedFuncs++, result };
    },
    func<const P extends readonly ValueType[], R extends ValueType | undefined>(
      params: P,
      result: R,
      body: (f: Func, ...params: Locals<P>) => void,
    ) {
      const { f, encode } = createFunc(params, result);
      body(f, ...params.map((type, i) => localAt(type, i)) as unknown as Locals<P>);
      functionTypes.push(typeIndex(params, result));
      bodies.push(encode());
      return { index: importedFuncs + bodies.length - 1, result };
    },
    export(name, func) {
      exports.push([text(name), 0, unsigned(func.index)]);
    },
    encode() {
      const bytes: number[] = [];
      flatten([
        [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
        section(1, vector(typeSection)),
        section(2, vector(imports)),
        section(3, vector(functionTypes.map(unsigned))),
        section(7, vector(exports)),
        section(10, vector(bodies.map((body) => [unsigned(body.length), body]))),
      ], bytes);
      return new Uint8Array(bytes);
    },
  };
}

function vector(items: readonly Code[]): Code {
  return [unsigned(items.length), items];
}

function section(id: number, content: Code): Code {
  const bytes: number[] = [];
  flatten(content, bytes);
  return [id, unsigned(bytes.length), bytes];
}

function text(name: string): Code {
  return vector([...new TextEncoder().encode(name)]);
}
