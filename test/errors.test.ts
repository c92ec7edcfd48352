// Errors are part of the interface: whatever a public function is given, it takes it, or refuses it under its own name.
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import * as softstep from "../mod.ts";
import { KernelError, OptionError, SoftstepError, Tensor, tensor } from "../mod.ts";
import { inNameOf } from "../src/core/in-name-of.ts";
import { type Kind, kinds, type PublicCall, publicCalls } from "./support/public-calls.ts";
import { publicFunctions } from "./support/public-functions.ts";
import { replaceFirst, unusable } from "./support/unusable-tensors.ts";

/** What TypeScript refuses, as JavaScript could call it. */
// deno-lint-ignore no-explicit-any
type Loose = (...args: any[]) => unknown;

const api = softstep as unknown as Readonly<Record<string, Loose>>;

/** What a call throws, or its promise is rejected with; undefined if nothing. */
async function errorOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Asserts that a call is refused, by an error of ours in the name of a function. */
function assertOurs(error: unknown, names: readonly string[], label: string): void {
  assert.ok(error !== undefined, `${label} is accepted`);
  assert.ok(error instanceof SoftstepError, `${label} throws ${error}`);
  assert.ok(names.includes(error.functionName), `${label} throws ${error}`);
  assert.ok(error.message.startsWith(`${error.functionName}: `), `${label} throws ${error}`);
}

const isAccepted = (list: readonly Kind[] | undefined, kind: Kind) => list?.includes(kind) ?? false;

/** Gives a function one value of a wrong kind at each place, in turn. */
async function checkKinds(
  f: Loose,
  { args, optional = Infinity, accepts = {}, options, ...rest }: PublicCall,
  { label, names, from = 0 }: { label: string; names: readonly string[]; from?: number },
): Promise<void> {
  const { required = [], acceptsOption = {} } = rest;
  const check = async (where: string, accepted: boolean, ...given: unknown[]): Promise<void> => {
    const error = await errorOf(() => f(...given));
    if (accepted) assert.equal(error, undefined, `${label} with ${where} throws ${error}`);
    else assertOurs(error, names, `${label} with ${where}`);
  };
  const last = options === undefined ? [] : [options];
  await check("what it takes", true, ...args, ...last);
  for (const [kind, value] of Object.entries(kinds) as [Kind, unknown][]) {
    for (let i = from; i < args.length; i++) {
      const accepted = isAccepted(accepts[i], kind) || (kind === "undefined" && i >= optional);
      await check(`${kind} as argument ${i}`, accepted, ...args.with(i, value), ...last);
    }
    if (options === undefined) continue;
    const isNone = kind === "undefined" || kind === "{}";
    await check(`${kind} as options`, isNone && required.length === 0, ...args, value);
    for (const [name, valid] of Object.entries(options)) {
      const accepted = isAccepted(acceptsOption[name], kind) ||
        (kind === "undefined" && !required.includes(name)) ||
        (kind === "true" && typeof valid === "boolean");
      await check(`${kind} as ${name}`, accepted, ...args, { ...options, [name]: value });
    }
  }
}

/** A function, and the calls of what it makes. */
async function* callsOf(
  name: string,
  f: Loose,
  call: PublicCall,
): AsyncGenerator<{ label: string; f: Loose; call: PublicCall; names: readonly string[] }> {
  const { args, options, made = {}, links = [] } = call;
  yield { label: name, f, call, names: [name, ...links] };
  for (const [method, inner] of Object.entries(made)) {
    const thing = await f(...args, ...(options === undefined ? [] : [options]));
    const g: Loose = method === ""
      ? thing as Loose
      : (...given) => (thing as Record<string, Loose>)[method]!(...given);
    yield { label: `${name}().${method}`, f: g, call: inner, names: [inner.names ?? name] };
  }
}

test("errors: the table has all public functions, and their options", () => {
  const functions = publicFunctions("mod.ts");
  assert.deepEqual(Object.keys(publicCalls).sort(), functions.map(({ name }) => name).sort());
  const withOptions = functions.filter(({ parameters }) =>
    parameters.some((name) => /options$/i.test(name) || name === "rule" || name === "progress")
  );
  const listed = Object.keys(publicCalls).filter((name) => publicCalls[name]!.options);
  assert.deepEqual(listed.sort(), withOptions.map(({ name }) => name).sort());
  assert.ok(listed.length > 40, `${listed.length}`);
});

for (const [name, call] of Object.entries(publicCalls)) {
  test(`errors: ${name} takes what it is for and refuses the rest in its own name`, async () => {
    for await (const { f, call: each, ...rest } of callsOf(name, api[name]!, call)) {
      await checkKinds(f, each, rest);
    }
  });
}

for (const [name, { args, options }] of Object.entries(publicCalls)) {
  if (options === undefined) continue;
  const known = Object.keys(options);

  test(`errors: ${name} names an option that it does not know, and those that it does`, async () => {
    const anyName = fc.oneof(fc.constantFrom("__proto__", "constructor", "axes"), fc.string());
    const unknown = anyName.filter((name) => !known.includes(name));
    await fc.assert(
      fc.asyncProperty(unknown, fc.boolean(), async (wrong, isFirst) => {
        const own = Object.entries(options);
        const entries = isFirst ? [[wrong, 1], ...own] : [...own, [wrong, 1]];
        const error = await errorOf(() => api[name]!(...args, Object.fromEntries(entries)));
        assertOurs(error, [name], `${name} with ${JSON.stringify(wrong)}`);
        assert.ok(error instanceof OptionError);
        const where = name === "device" ? ' for device "cpu"' : "";
        const start = `${name}: unknown option ${JSON.stringify(wrong)}${where}; expected one of `;
        assert.ok(error.message.startsWith(start), error.message);
        const names = error.message.slice(start.length).split(", ");
        assert.deepEqual(names.sort(), [...known].sort());
      }),
      { numRuns: 20 },
    );
  });
}

test("errors: two wrong arguments at once are refused as well", async () => {
  const callable = Object.entries(publicCalls).filter(([, { args }]) => args.length > 1);
  const wrong = fc.constantFrom(...Object.keys(kinds) as Kind[]);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...callable), wrong, wrong, async ([name, call], a, b) => {
      const given = [kinds[a], kinds[b], ...call.args.slice(2)];
      const error = await errorOf(() => api[name]!(...given));
      if (error !== undefined) assertOurs(error, [name], `${name}(${a}, ${b})`);
    }),
    { numRuns: 300 },
  );
});

test("errors: methods of tensors refuse what their functions refuse", async () => {
  const methods = Object.getOwnPropertyNames(Tensor.prototype).filter((name) =>
    name !== "device" && Object.hasOwn(publicCalls, name)
  );
  assert.ok(methods.length >= 20, methods.join());
  for (const name of methods) {
    const f: Loose = (x, ...rest) => x[name](...rest);
    await checkKinds(f, publicCalls[name]!, { label: `x.${name}`, names: [name], from: 1 });
  }
});

for (const [problem, spoil] of Object.entries(unusable)) {
  test(`errors: what cannot take a tensor that is ${problem} says so in its own name`, async () => {
    const refusing = new Set<string>();
    for (const [name, call] of Object.entries(publicCalls)) {
      for await (const { label, f, call: each, names } of callsOf(name, api[name]!, call)) {
        const { args, options } = each;
        for (let i = 0; i < args.length; i++) {
          const spoilt = replaceFirst(args[i], spoil);
          if (spoilt === undefined) continue;
          const last = options === undefined ? [] : [options];
          const error = await errorOf(() => f(...args.with(i, spoilt), ...last));
          if (error === undefined) continue;
          refusing.add(label);
          // A jitted function goes by the name of the function that it was made of.
          const own = label === "jit()." ? [...names, "loss"] : names;
          assertOurs(error, own, `${label} with argument ${i} ${problem}`);
        }
      }
    }
    assert.ok(refusing.size > 2, [...refusing].join());
  });
}

test("errors: an error in another name keeps its class and the line of the kernel", () => {
  const fail = (error: unknown) => () => {
    throw error;
  };
  assert.throws(() => inNameOf("f", fail(new KernelError("customKernel", "no", 7))), {
    name: "KernelError",
    functionName: "f",
    message: "f: no",
    line: 7,
  });
  const own = new OptionError("f", "no");
  assert.throws(() => inNameOf("f", fail(own)), (error) => error === own);
  for (const other of [new TypeError("g: no"), "text", undefined]) {
    let caught: unknown = "nothing";
    try {
      inNameOf("f", fail(other));
    } catch (error) {
      caught = error;
    }
    assert.equal(caught, other);
  }
});

test("errors: messages say what was given and what there is", async () => {
  const x = tensor([[1, 2], [3, 4]]);
  const loop: unknown[] = [];
  loop.push(loop);
  const calls: [() => unknown, string | RegExp][] = [
    [() => api["sum"]!(x, 0), "sum: options is 0; expected an object with some of axis, keepDims"],
    [() => api["sum"]!(x, [0]), /^sum: options is an array; /],
    [() => api["sum"]!(x, x), /^sum: options is a Tensor; /],
    [
      () => api["sum"]!(x, { axes: 0 }),
      'sum: unknown option "axes"; expected one of axis, keepDims',
    ],
    [() => api["argMax"]!(x, { axis: 0 }), "argMax: axis is an object; expected a whole number"],
    [() => api["scope"]!(), "scope: f is undefined; expected a function"],
    [
      () => api["zeros"]!([2], { device: "auto" }),
      'zeros: device "auto" is not open; expected the name that await device("auto") gives',
    ],
    [() => api["zeros"]!([2], { device: null }), /^zeros: device is null; expected a name/],
    [() => api["devicePut"]!("cpu", x), /^devicePut: device is a Tensor; expected a name/],
    [() => api["key"]!(0, { device: 3n }), /^key: device is 3n; expected a name/],
    ...["treeLeaves", "devicePut", "deviceGet", "globalNorm"].map((
      name,
    ): [() => unknown, string] => [
      () => api[name]!(loop, "cpu"),
      `${name}: the tree contains itself at [0]`,
    ]),
    [() => softstep.jit((y: unknown) => y)(loop), /^jit: the tree contains itself at argument 0/],
    [() => api["matmul"]!(softstep.cast(x, "bfloat16"), x), /^matmul: no common dtype/],
    [
      () => softstep.jit((y: unknown) => y)(Promise.resolve(x)),
      "jit: argument 0 is a Promise; expected a tensor or a plain value",
    ],
    [() => api["reshape"]!(x, [3n, Symbol("s")]), /^reshape: \[3n, Symbol\(s\)\] is not a shape; /],
  ];
  for (const [call, message] of calls) {
    const error = await errorOf(call) as Error;
    if (typeof message === "string") assert.equal(error.message, message);
    else assert.match(error.message, message);
  }
});
