import assert from "node:assert/strict";
import test from "node:test";
import {
  add,
  describeDevice,
  device,
  DeviceError,
  deviceNames,
  devicePut,
  OptionError,
  tensor,
  zeros,
} from "../mod.ts";
import {
  type DeviceOpener,
  type GpuOptions,
  openerOf,
  registerOpener,
} from "../src/backend/registry.ts";
import { asynchronousBackend } from "./support/asynchronous-backend.ts";

let kinds = 0;

/** A kind of device that nobody has opened yet; the options that its opener saw, in order. */
function newKind(options: { fails?: () => string | undefined; isLost?: () => boolean } = {}) {
  const kind = `gpu of test ${kinds++}`;
  const seen: GpuOptions[] = [];
  const open: DeviceOpener = async (functionName, wanted, generation) => {
    seen.push(wanted);
    await Promise.resolve();
    const failure = options.fails?.();
    if (failure !== undefined) throw new DeviceError(functionName, failure);
    const { backend } = asynchronousBackend();
    const name = [kind, ...Object.values(wanted), ...(generation > 1 ? [generation] : [])];
    return {
      name: name.join(":"),
      backend: { ...backend, describe: () => `fake ${JSON.stringify(wanted)}` },
      ...(options.isLost && { isLost: options.isLost }),
    };
  };
  registerOpener(kind, open);
  return { kind, seen, open };
}

/** What is warned while f runs. */
async function warningsOf(f: () => Promise<unknown>): Promise<string[]> {
  const { warn } = console;
  const warnings: string[] = [];
  console.warn = (...values: unknown[]) => void warnings.push(values.join(" "));
  try {
    await f();
  } finally {
    console.warn = warn;
  }
  return warnings;
}

test("device: cpu and reference are there at once, and every name that was given", async () => {
  assert.equal(await device("cpu"), "cpu");
  assert.equal(await device("cpu", { required: true }), "cpu");
  assert.equal(await device("reference"), "reference");
  const { kind } = newKind();
  const name = await device(kind, { compiler: "wgsl" });
  assert.equal(name, `${kind}:wgsl`);
  assert.equal(await device(name), name);
  assert.ok(deviceNames().includes(name));
});

test("device: what is opened computes, and tells what it is", async () => {
  const { kind } = newKind();
  const name = await device(kind);
  assert.deepEqual(await add(tensor([1, 2], { device: name }), 1).array(), [2, 3]);
  assert.equal(describeDevice(name), "fake {}");
});

test("device: is opened once for its options, however they are written and however often at once", async () => {
  const { kind, seen } = newKind();
  const names = await Promise.all([
    device(kind),
    device(kind, {}),
    device(kind, { required: true }),
    device(kind, { mode: "webgl2", powerPreference: "low-power" }),
    device(kind, { powerPreference: "low-power", compiler: "gpujs", mode: "webgl2" }),
  ]);
  await device(kind);
  assert.deepEqual(seen, [
    {},
    { compiler: "gpujs", mode: "webgl2", powerPreference: "low-power" },
  ]);
  assert.equal(new Set(names).size, 2);
});

test("device: where there is none cpu takes its place, with one warning", async () => {
  const { kind } = newKind({ fails: () => `no adapter for ${kind}` });
  const warnings = await warningsOf(async () => {
    assert.equal(await device(kind), "cpu");
    assert.equal(await device(kind), "cpu");
  });
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, new RegExp(`no adapter for ${kind}`));
  assert.match(describeDevice("cpu"), new RegExp(`in place of a GPU: no adapter for ${kind}`));
});

test("device: what is opened or named after a failure is in nobody's place", async () => {
  const { kind: missing } = newKind({ fails: () => "no adapter" });
  const { kind } = newKind();
  const name = await device(kind);
  for (
    const open of [() => device(kind), () => device(name), () => device(kind, { mode: "cpu" })]
  ) {
    await warningsOf(() => device(missing));
    assert.match(describeDevice("cpu"), /in place of a GPU: no adapter/);
    assert.notEqual(await open(), "cpu");
    assert.doesNotMatch(describeDevice("cpu"), /in place of/);
  }
});

test("device: one that is required and not there is an error that says why", async () => {
  const { kind } = newKind({ fails: () => "no adapter" });
  const warnings = await warningsOf(() =>
    assert.rejects(device(kind, { required: true }), (error: Error) => {
      assert.ok(error instanceof DeviceError);
      assert.equal(error.message, "device: no adapter");
      return true;
    })
  );
  assert.deepEqual(warnings, []);
});

test("device: what failed once is tried again", async () => {
  let failure: string | undefined = "not plugged in";
  const { kind, seen } = newKind({ fails: () => failure });
  await assert.rejects(device(kind, { required: true }), /not plugged in/);
  failure = undefined;
  assert.equal(await device(kind, { required: true }), kind);
  assert.equal(seen.length, 2);
  assert.doesNotMatch(describeDevice("cpu"), /not plugged in/);
});

test("device: a lost one is opened again under another name", async () => {
  let lost = false;
  const { kind } = newKind({ isLost: () => lost });
  const first = await device(kind);
  const x = tensor([1], { device: first });
  lost = true;
  const second = await device(kind);
  lost = false;
  assert.notEqual(second, first);
  assert.equal(await device(kind), second);
  assert.throws(() => add(x, zeros([1], { device: second })), DeviceError);
});

test("device: auto takes a GPU or cpu, and never warns", async () => {
  const original = openerOf("gpu")!;
  try {
    registerOpener("gpu", newKind({ fails: () => "no adapter" }).open);
    const options = { powerPreference: "low-power" } as const;
    const warnings = await warningsOf(async () => {
      assert.equal(await device("auto", options), "cpu");
    });
    assert.deepEqual(warnings, []);
    const working = newKind();
    registerOpener("gpu", working.open);
    assert.equal(await device("auto", options), `${working.kind}:low-power`);
  } finally {
    registerOpener("gpu", original);
  }
  await assert.rejects(device("auto", { required: true }), OptionError);
});

test("device: an opener's mistake is no missing device", async () => {
  const kind = `gpu of test ${kinds++}`;
  registerOpener(kind, () => {
    throw new TypeError("a mistake");
  });
  await assert.rejects(device(kind), TypeError);
});

test("device: unknown kinds, names and options are refused by name", async () => {
  const { kind } = newKind();
  const cases: [string, object | null, new (...args: never[]) => Error, RegExp][] = [
    ["abacus", {}, DeviceError, /unknown device "abacus"; expected one of auto, .*cpu/],
    [`${kind}:wgsl`, {}, DeviceError, /is not open; expected the name that await device\(/],
    ["cpu", { compiler: "wgsl" }, OptionError, /unknown option "compiler" for device "cpu"/],
    [
      kind,
      { threads: 2 },
      OptionError,
      /"threads".*expected one of compiler, mode, .*matmulPrecision, req/,
    ],
    [kind, { compiler: "glsl" }, OptionError, /compiler is "glsl"; expected one of wgsl, gpujs/],
    [kind, { mode: "webgl" }, OptionError, /mode is "webgl"; expected one of webgpu, webgl2/],
    [kind, { powerPreference: 1 }, OptionError, /powerPreference is 1/],
    [kind, { required: "yes" }, OptionError, /required is "yes"; expected true or false/],
    [kind, { compiler: "wgsl", mode: "webgl2" }, OptionError, /mode "webgl2" is one of gpu\.js/],
    [kind, null, OptionError, /options is null/],
  ];
  for (const [name, options, kindOfError, message] of cases) {
    await assert.rejects(device(name, options as never), (error: Error) => {
      assert.ok(error instanceof kindOfError, `${name}: ${error}`);
      assert.match(error.message, message);
      return true;
    });
  }
  assert.throws(() => zeros([1], { device: `${kind}:wgsl` }), /is not open/);
});

test("device: what is no name is refused as such", async () => {
  const cases: [unknown, string][] = [
    [7, "7"],
    [7n, "7n"],
    [null, "null"],
    [Symbol("x"), "Symbol(x)"],
    [{}, "an object"],
    [tensor(1), "a Tensor"],
    [Promise.resolve("cpu"), "a Promise"],
  ];
  for (const [given, text] of cases) {
    await assert.rejects(device(given as string, { threads: 2 } as never), (error: Error) => {
      assert.ok(error instanceof DeviceError);
      assert.match(error.message, /^device: kind is (.*); expected one of auto, .*cpu/);
      assert.equal(error.message.slice("device: kind is ".length).split(";")[0], text);
      return true;
    });
    const message = `device is ${text}; expected a name, such as "cpu" or what ` +
      'await device("gpu") gives';
    const expected = (name: string) => ({ name: "DeviceError", message: `${name}: ${message}` });
    assert.throws(() => tensor([1], { device: given as string }), expected("tensor"));
    await assert.rejects(devicePut([], given as string), expected("devicePut"));
  }
});
