/** The seam to gpu.js: another one fails clearly, and whoever has a kernel of his own gets it run. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gpujsBackend, type GpujsDevice, gpujsKernel } from "../backends/gpujs/mod.ts";
import { functionLibrary } from "../backends/webgpu/mod.ts";
import { prepare } from "../backends/reference/prepare.ts";
import { GPU, gpujsFor, modes, skipped } from "./support/gpujs.ts";

type Settings = { readonly mode: string };
type Instance = { Kernel: new (source: string, settings: object) => { compiledSource: string } };
const Real = GPU as {
  new (settings: Settings): Instance;
  disableValidation(): void;
  enableValidation(): void;
};

/** gpu.js as another release might be: with other text in what it translates to. */
function otherGpu(change: (code: string) => string): unknown {
  return class {
    static disableValidation = (): void => Real.disableValidation();
    static enableValidation = (): void => Real.enableValidation();
    Kernel: Instance["Kernel"];
    constructor(settings: Settings) {
      const { Kernel } = new Real(settings);
      this.Kernel = class extends Kernel {
        assembleWGSL(): string {
          const { assembleWGSL } = Kernel.prototype as unknown as { assembleWGSL(): string };
          return change(assembleWGSL.call(this));
        }
      };
    }
  };
}

const webgpu = {
  library: functionLibrary,
  make: () => ({ buffersPerLoop: 8 }) as GpujsDevice,
};

test("gpujs takes the gpu.js that it was written for, and no other", () => {
  assert.equal(gpujsBackend({ GPU, mode: "webgpu", webgpu, prepare }).buffersPerLoop, 7);
  const renamed = otherGpu((code) => code.replaceAll("data_index", "index"));
  assert.throws(
    () => gpujsBackend({ GPU: renamed, mode: "webgpu", webgpu, prepare }),
    /does not translate as 2\.24\.1 does \(no .*data_index.*expected gpu\.js 2\.24\.1/,
  );
  const silent = otherGpu(() => undefined as unknown as string);
  assert.throws(() => gpujsBackend({ GPU: silent, mode: "webgpu", webgpu, prepare }), /2\.24\.1/);
  for (const nothing of [undefined, {}, class {}]) {
    assert.throws(
      () => gpujsBackend({ GPU: nothing, mode: "cpu", prepare }),
      /expected the class GPU of gpu\.js 2\.24\.1/,
    );
  }
  assert.throws(() => gpujsBackend({ GPU, mode: "webgpu", prepare }), /needs a backend on WebGPU/);
});

test("gpujs says that a mode does not work here", () => {
  if ("document" in globalThis) return;
  assert.throws(() => gpujsBackend({ GPU, mode: "webgl2", prepare }), /no mode "webgl2" here/);
});

for (const mode of modes) {
  const options = { skip: await skipped(mode) };

  test(`gpujs ${mode}: a kernel in gpu.js's dialect runs on tensors' memory`, options, async () => {
    const backend = await gpujsFor(mode);
    const run = gpujsKernel(backend, {
      source: `function kernel(a, b, scale) {
        return a[this.thread.y][this.thread.x] * scale + b[this.thread.x];
      }`,
      inputs: [{ shape: [2, 3], dtype: "float32" }, { shape: [3], dtype: "int32" }],
      output: { shape: [2, 3], dtype: "float32" },
      numbers: [10],
    });
    const a = backend.upload(new Float32Array([1, 2, 3, 4, 5, 6]));
    const b = backend.upload(new Int32Array([7, 8, -9]));
    const result = run([a, b]);
    assert.deepEqual([...await backend.download(result, "float32")], [17, 28, 21, 47, 58, 51]);
    // Another run has another result, and takes the result of the one before.
    const again = run([result, b]);
    assert.deepEqual([...await backend.download(again, "float32")], [177, 288, 201, 477, 588, 501]);
    assert.deepEqual([...await backend.download(result, "float32")], [17, 28, 21, 47, 58, 51]);
    [a, b, result, again].forEach((buffer) => backend.free(buffer));
  });

  test(`gpujs ${mode}: a kernel's own loops end where it is told`, options, async () => {
    const backend = await gpujsFor(mode);
    const x = backend.upload(new Float32Array([1500]));
    const count = async (loopMaxIterations?: number): Promise<number> => {
      const run = gpujsKernel(backend, {
        source: `function kernel(a) {
          let n = 0;
          const turns = a[0];
          for (let i = 0; i < turns; i++) { n = n + 1; }
          return n;
        }`,
        inputs: [{ shape: [], dtype: "float32" }],
        output: { shape: [], dtype: "float32" },
        ...(loopMaxIterations === undefined ? {} : { loopMaxIterations }),
      });
      return (await backend.download(run([x]), "float32"))[0]!;
    };
    assert.equal(await count(2000), 1500);
  });

  test(
    `gpujs ${mode}: shapes and text that gpu.js does not take are refused`,
    options,
    async () => {
      const backend = await gpujsFor(mode);
      const spec = { shape: [2, 2, 2, 2], dtype: "float32" } as const;
      assert.throws(
        () =>
          gpujsKernel(backend, {
            source: "function f(a) { return 1; }",
            inputs: [spec],
            output: spec,
          }),
        /one to three axes/,
      );
    },
  );
}
