/** Tests that only a page can run: of the textures of mode "webgl2", of a context's loss, of a page's limits. */
import assert from "node:assert/strict";
import test from "node:test";
import { type GpujsBackend, gpujsBackend, gpujsKernel } from "../../../backends/gpujs/mod.ts";
import { prepare } from "../../../backends/reference/prepare.ts";
import {
  abs,
  applyUpdates,
  customKernel,
  describeDevice,
  device,
  DeviceError,
  explain,
  jit,
  type KernelThis,
  max,
  mul,
  s3,
  type S3State,
  scaleByS3,
  type Tensor,
  tensor,
  transpose,
  valueAndGrad,
} from "../../../mod.ts";
import type { DeviceBuffer } from "../../../src/core/device-buffer.ts";
import { GPU, gpujsFor } from "../gpujs.ts";
import { network } from "../training.ts";

type Row = { readonly [index: number]: number };

const open = () => device("gpu", { mode: "webgl2", required: true });

/** A backend of its own, and its context. */
async function openAnother(): Promise<{ backend: GpujsBackend; context: WebGL2RenderingContext }> {
  const { getContext } = HTMLCanvasElement.prototype;
  const contexts: unknown[] = [];
  HTMLCanvasElement.prototype.getContext = function (this: HTMLCanvasElement, ...args: never[]) {
    const context = Reflect.apply(getContext, this, args);
    contexts.push(context);
    return context;
  } as typeof getContext;
  try {
    const backend = gpujsBackend({ GPU, mode: "webgl2", prepare });
    // The context is there once something has run.
    await backend.download(plusOne(backend)([backend.upload(Float32Array.of(1))]), "float32");
    const context = contexts.at(-1);
    assert.ok(context instanceof WebGL2RenderingContext);
    return { backend, context };
  } finally {
    HTMLCanvasElement.prototype.getContext = getContext;
  }
}

const row = { shape: [1], dtype: "float32" } as const;

const adding = (backend: GpujsBackend, addend: number) =>
  gpujsKernel(backend, {
    source: "function kernel(a, addend) { return a[this.thread.x] + addend; }",
    inputs: [row],
    output: row,
    numbers: [addend],
  });

const plusOne = (backend: GpujsBackend) => adding(backend, 1);

const read = async (backend: GpujsBackend, buffer: DeviceBuffer): Promise<number[]> => [
  ...await backend.download(buffer, "float32"),
];

/** Collects garbage until a thing is gone, and lets everybody know who wants to. */
async function collect(gone: WeakRef<object>): Promise<void> {
  const { gc } = globalThis as { gc?: () => void };
  for (let i = 0; i < 50 && gone.deref() !== undefined; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    gc!();
  }
  assert.equal(gone.deref(), undefined);
  for (let i = 0; i < 5; i++) {
    gc!();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("webgl2: a training step runs on WebGL2, almost all of it by gpu.js", async () => {
  const where = await open();
  assert.match(describeDevice(where), /^gpu\.js in mode "webgl2", WebGL2 textures/);
  const { params, loss, inputs, labels } = network(where);
  const optimizer = s3({ learningRate: 0.01 });
  const step = jit((given: typeof params, state: ReturnType<typeof start>) => {
    const [value, gradient] = valueAndGrad(loss)(given, inputs, labels);
    const [updates, next] = optimizer.update(gradient as typeof params, state, given);
    return [applyUpdates(given, updates), next, value] as const;
  });
  const start = () => optimizer.init(params);
  const { kernels, backend } = explain(step, params, start());
  assert.match(backend, /^gpu\.js in mode "webgl2"/);
  const own = kernels.filter(({ runs }) => runs === "gpu.js");
  assert.ok(kernels.length > 5 && own.length >= 0.8 * kernels.length, `${own.length}`);
  for (const { op, runs } of kernels) assert.match(runs!, /^(gpu\.js|host)/, op);
});

test("webgl2: the largest update of S3, for orders with pow, exp, and roots alone", async () => {
  // Where choices in a loop depend on each other, software takes twice as long to compile for each of them: minutes.
  const data = Float32Array.from({ length: 256 }, (_, i) => Math.sin(i));
  for (const p of [2.5, 5, 8]) {
    const transform = scaleByS3({ p });
    const step = jit((g: Tensor, state: S3State<Tensor>) => {
      const [u, next] = transform.update(g, state);
      return [max(abs(u)), next] as const;
    });
    const [gpu, cpu] = await Promise.all([await open(), "cpu"].map(async (device) => {
      const g = tensor(data, { shape: [16, 16], device });
      const [first, state] = step(g, transform.init(g));
      return await Promise.all([first, step(mul(g, g), state)[0]].map((each) => each.number()));
    }));
    gpu!.forEach((value, i) => assert.ok(Math.abs(value - cpu![i]!) < 1e-6, `${p}: ${value}`));
  }
});

test("webgl2: a kernel takes what was uploaded and what kernels left as textures alike", async () => {
  const where = await open();
  // Too many elements for one dimension: gpu.js counts them in two.
  const n = 1100;
  const data = Float32Array.from({ length: n * n }, (_, i) => i % 4093);
  const step = jit((x: Tensor) => transpose(mul(x, 2)));
  const x = tensor(data, { shape: [n, n], device: where });
  const once = step(x);
  const [one, two, three] = await Promise.all(
    [once, step(once), step(step(once))].map((each) => each.data()),
  );
  for (let i = 0; i < n * n; i += 997) {
    const turned = data[(i % n) * n + Math.floor(i / n)]!;
    assert.deepEqual([one![i], two![i], three![i]], [2 * turned, 4 * data[i]!, 8 * turned]);
  }
});

test("webgl2: when the kernel that was built last is collected the others still draw", async () => {
  const { backend } = await openAnother();
  const keep = plusOne(backend);
  const x = backend.upload(Float32Array.of(5));
  assert.deepEqual(await read(backend, keep([x])), [6]);
  const other = await (async () => {
    const run = adding(backend, 2);
    assert.deepEqual(await read(backend, run([x])), [7]);
    return new WeakRef(run);
  })();
  await collect(other);
  assert.deepEqual(await read(backend, keep([x])), [6]);
  // It may go once another one was built.
  assert.deepEqual(await read(backend, adding(backend, 3)([x])), [8]);
  assert.deepEqual(await read(backend, keep([x])), [6]);
});

test("webgl2: a result can be read and used when its kernel is collected", async () => {
  const { backend } = await openAnother();
  const x = backend.upload(Float32Array.of(5));
  let run: ReturnType<typeof adding> | undefined = adding(backend, 2);
  const result = run([x]);
  const gone = new WeakRef(run);
  run = undefined;
  const keep = plusOne(backend);
  await collect(gone);
  assert.deepEqual(await read(backend, keep([result])), [8]);
  assert.deepEqual(await read(backend, result), [7]);
});

test("webgl2: memory that kernels keep for their next result is counted", async () => {
  const { backend } = await openAnother();
  const n = 1000;
  const spec = { shape: [n], dtype: "float32" } as const;
  const square = { shape: [n / 10, 10], dtype: "float32" } as const;
  // The first kernel's memory is too small to tell here.
  const told = () => {
    const { heap, used, tensors } = backend.memory!();
    return [heap, used, tensors].map((bytes) => Math.round(bytes / (4 * n)));
  };
  const x = backend.upload(new Float32Array(n));
  const useUp = (): WeakRef<object> => {
    const run = gpujsKernel(backend, {
      source: "function kernel(a) { return a[this.thread.x] + 1; }",
      inputs: [spec],
      output: spec,
    });
    const first = run([x]);
    assert.deepEqual(told(), [2, 2, 2]);
    backend.free(first);
    assert.deepEqual(told(), [2, 1, 1]);
    const [second, third] = [run([x]), run([x])];
    assert.deepEqual(told(), [3, 3, 3]);
    backend.free(second);
    assert.deepEqual(told(), [2, 2, 2]);
    backend.free(third);
    assert.deepEqual(told(), [2, 1, 1]);
    const gone = new WeakRef(run);
    plusOne(backend)([backend.upload(Float32Array.of(1))]);
    return gone;
  };
  await collect(useUp());
  assert.deepEqual(told(), [1, 1, 1]);
  // Results of two dimensions lie in rows of their own, from which a copy is made.
  const turn = gpujsKernel(backend, {
    source: "function kernel(a) { return a[this.thread.x]; }",
    inputs: [spec],
    output: square,
  });
  const turned = turn([x]);
  assert.deepEqual(told(), [3, 2, 2]);
  backend.free(turned);
  assert.deepEqual(told(), [3, 1, 1]);
});

test("webgl2: what no texture holds runs on the host, or is refused", async () => {
  const where = await open();
  const context = new OffscreenCanvas(1, 1).getContext("webgl2")!;
  const side: number = context.getParameter(context.MAX_TEXTURE_SIZE);
  const twice = customKernel(
    function twice(x) {
      return x[this.thread.y]![this.thread.x]! * 2;
    },
    { inputs: [{ rank: 2 }], output: (x) => x },
  );
  const run = jit((x: Tensor) => twice(x));
  for (const [rows, way] of [[side, "gpu.js"], [side + 1, "host"]] as const) {
    const data = Float32Array.from({ length: 2 * rows }, (_, i) => i);
    const x = tensor(data, { shape: [rows, 2], device: where });
    assert.deepEqual(explain(run, x).kernels.map(({ runs }) => runs), [way]);
    assert.deepEqual(await run(x).data(), data.map((each) => 2 * each));
  }
  const backend = await gpujsFor("webgl2");
  const wide = { shape: [side + 1, 2], dtype: "float32" } as const;
  const huge = { shape: [side ** 2 + 1], dtype: "float32" } as const;
  const source = "function kernel(a) { return a[0]; }";
  for (const [inputs, output] of [[[row], wide], [[row], huge], [[huge], row]] as const) {
    assert.throws(
      () => gpujsKernel(backend, { source, inputs, output }),
      (error: Error) =>
        error instanceof DeviceError && /mode "webgl2" has tensors of at most/.test(error.message),
    );
  }
});

test("webgl2: a function with operators on bits runs on the host", async () => {
  const where = await open();
  const x = tensor([-3.5, 6, 2 ** 20], { device: where });
  const waysOf = (f: (this: KernelThis, x: Row) => number) => {
    const kernel = customKernel(f, { inputs: [{ rank: 1 }], output: (x) => x });
    return explain(jit((x: Tensor) => kernel(x)), x).kernels.map(({ runs }) => runs);
  };
  assert.deepEqual(
    waysOf(function (x) {
      return (x[this.thread.x]! | 0) >> 1;
    }),
    ["host"],
  );
  assert.deepEqual(
    waysOf(function (x) {
      return x[0]! < 1 && x[1]! > 2 || !(x[2]! >= 3) ? 1 : 0;
    }),
    ["gpu.js"],
  );
});

test("webgl2: what WebGL2 refuses is an error where results are read", async () => {
  const { backend, context } = await openAnother();
  const result = plusOne(backend)([backend.upload(Float32Array.of(1))]);
  // An enumerator that is none is no reason: everything was drawn.
  context.enable(1);
  assert.deepEqual(await read(backend, result), [2]);
  const next = plusOne(backend)([result]);
  context.drawArrays(context.TRIANGLES, 0, -1);
  context.useProgram(null);
  context.drawArrays(context.TRIANGLES, 0, 3);
  await assert.rejects(
    read(backend, next),
    (error: Error) =>
      error instanceof DeviceError && /an operation that it does/.test(error.message),
  );
});

test("webgl2: a lost context is told, by reads and by kernels", async () => {
  const { backend, context } = await openAnother();
  const run = plusOne(backend);
  const result = run([backend.upload(Float32Array.of(1))]);
  context.getExtension("WEBGL_lose_context")!.loseContext();
  const isTold = (error: Error) =>
    error instanceof DeviceError && /the WebGL2 context was lost/.test(error.message);
  await assert.rejects(read(backend, result), isTold);
  assert.throws(() => run([result]), isTold);
  assert.throws(() => plusOne(backend)([result]), isTold);
  assert.ok(backend.isLost());
});

// The last one: what it takes comes back at some time.
test("in a page: kernels of mode webasm that find no memory are told", () => {
  const backend = gpujsBackend({ GPU, mode: "webasm", prepare });
  const x = backend.upload(Float32Array.of(1));
  const kernels: ReturnType<typeof adding>[] = [];
  assert.throws(() => {
    for (let i = 0; i < 1000; i++) {
      const run = adding(backend, i);
      run([x]);
      kernels.push(run);
    }
  }, (error: Error) => error instanceof DeviceError && /no memory is left/.test(error.message));
  assert.ok(kernels.length > 20, `${kernels.length}`);
});
