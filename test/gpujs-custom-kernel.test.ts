import assert from "node:assert/strict";
import test from "node:test";
import { customShaders } from "../backends/gpujs/custom-shader.ts";
import {
  customKernel,
  DeviceError,
  explain,
  grad,
  jit,
  KernelError,
  type KernelThis,
  matmul,
  mul,
  sum,
  type Tensor,
  tensor,
  vmap,
  zeros,
} from "../mod.ts";
import { functionLibrary, webgpuBackend } from "../backends/webgpu/mod.ts";
import { openGpu } from "../backends/webgpu/runtime.ts";
import { product, rowConstants, rowData, rowKernels } from "./support/custom-kernels.ts";
import { GPU } from "./support/gpujs.ts";
import { kernelWays } from "./support/kernel-ways.ts";
import { rememberText } from "./support/remember-text.ts";
import { oneKernelProgram } from "./support/run-kernel.ts";
import { assertClose, elementsOf, uniformTensor } from "./support/tensors.ts";
import { gpu, skipWithoutGpu } from "./support/webgpu-kernel.ts";

const skip = await skipWithoutGpu();

const scaled = customKernel(
  function scaled(x, k) {
    return x[this.thread.z]![this.thread.y]![this.thread.x]! * k + this.thread.z * 100 +
      this.thread.y * 10 + this.thread.x;
  },
  { inputs: [{ rank: 3 }, { rank: 0 }], output: (x) => x },
);

const position = customKernel(
  function position() {
    return this.thread.x * this.output.y + this.thread.y;
  },
  { inputs: [], output: [2, 3] },
);

const twice = customKernel(
  function twice(x) {
    return x[this.thread.x]! * 2;
  },
  { inputs: [{ rank: 1 }], output: (x) => x },
);

/** Which compilers of shaders would compute, and refuse or take for something else. */
const constantKernels = {
  infinite: function (this: KernelThis, x) {
    const a = 3 / 0;
    return a + x[this.thread.x]!;
  },
  overflow: function (this: KernelThis, x) {
    return 1e30 * 1e30 + x[this.thread.x]!;
  },
  root: function (this: KernelThis, x) {
    return Math.sqrt(-1) + x[this.thread.x]!;
  },
  byZero: function (this: KernelThis, x) {
    return x[this.thread.x]! / 0;
  },
  remainder: function (this: KernelThis, x) {
    return x[this.thread.x]! % 0;
  },
  usual: function (this: KernelThis, x) {
    let total = 0;
    for (let i = 0; i < 3; i++) total += 1.5 * i;
    return total - 0.25 * x[this.thread.x]! + 5 % 3;
  },
} satisfies Record<string, (this: KernelThis, x: { readonly [index: number]: number }) => number>;

/** What is as deep as the dialect allows: compilers of shaders have limits for it. */
const deepExpressions: readonly string[] = [
  `x[0]${" + x[1] - 1".repeat(200)}`,
  `${"(x[0] * ".repeat(32)}1${")".repeat(32)}`,
  `${"- ".repeat(32)}x[0]`,
  `${"(x[0] + ".repeat(7)}1${") * x[1] + x[0] - 1".repeat(7)}`,
  `${"x[0] > 1 ? 1 : ".repeat(60)} 2`,
  `x[0] < 1${" && x[0] < 1".repeat(60)} ? 1 : 2`,
  `${"x[".repeat(16)}0${"]".repeat(16)}`,
  `${"((x[0] | ".repeat(10)}1${") + 1)".repeat(10)}`,
  `${"Math.abs(".repeat(60)}x[0]${")".repeat(60)}`,
  `${"2 ** x[0] ** ".repeat(30)}x[1]`,
];
const deepBodies: readonly string[] = [
  ...deepExpressions.map((expression) =>
    `let a = 0; ${"if (x[0] < 1) {".repeat(24)} a = ${expression}; ${"}".repeat(24)} return a;`
  ),
  `let a = 0; ${"if (x[0] > 1) a = 1; else ".repeat(98)} a = 2; return a;`,
  `let n = 0; for (let i = 0; i < 9; i++) { ${
    "if (i > n) continue; n += 1;".repeat(20)
  } } return n;`,
];

for (const { name, options, skip, open } of kernelWays) {
  test(`customKernel by ${name}: whatever is not too deep is compiled`, { skip }, async () => {
    const on = await open();
    for (const body of deepBodies) {
      const f = Function(`return function (x) { ${body} }`)();
      const kernel = customKernel(f, { inputs: [{ rank: 1 }], output: (x) => x });
      const actual = await kernel(tensor([0, 1], { device: on })).data();
      assert.deepEqual([...actual], elementsOf(kernel(tensor([0, 1]))), body);
    }
  });

  test(
    `customKernel by ${name}: the whole dialect means what it means in JavaScript`,
    { skip },
    async () => {
      const on = await open();
      const kernels = Object.entries(rowKernels).map(([name, f]) =>
        customKernel(f, { name, inputs: [{ rank: 1 }], output: (x) => x, constants: rowConstants })
      );
      const here = tensor(rowData);
      const there = tensor(rowData, { device: on });
      const results = await Promise.all(kernels.map((kernel) => kernel(there).data()));
      kernels.forEach((kernel, i) => {
        // float32 at each step against float64 that is rounded once.
        assertClose(results[i]!, elementsOf(kernel(here)), 4e-6, Object.keys(rowKernels)[i]);
      });
    },
  );

  test(
    `customKernel by ${name}: inputs of all ranks, and results of all ranks`,
    { skip },
    async () => {
      const on = await open();
      const x = uniformTensor([2, 3, 5], 1, -1, 1, "float32");
      const there = tensor(x.dataSync(), { shape: x.shape, device: on });
      const k = tensor(1.5, { device: on });
      const fromJit = jit((x: Tensor, k: Tensor) => mul(scaled(x, mul(k, 2)), 2));
      const numbered = jit((x: Tensor) => scaled(x, 3));
      const [a, b, c, d, e] = await Promise.all(
        [
          scaled(there, k),
          fromJit(there, k),
          numbered(there),
          sum(position()),
          twice(zeros([0], { device: on })),
        ]
          .map((each) => each.data()),
      );
      assertClose(a!, elementsOf(scaled(x, 1.5)), 1e-6);
      assertClose(b!, elementsOf(mul(scaled(x, 3), 2)), 1e-6);
      assertClose(c!, elementsOf(scaled(x, 3)), 1e-6);
      assert.deepEqual([...d!, ...e!], [0 + 1 + 2 + 2 + 3 + 4 + 3]);
    },
  );

  // GLSL leaves open what it computes itself of them.
  const ofConstants = skip || (options.mode === "webgl2" && "WebGL2 leaves them open");
  test(
    `customKernel by ${name}: what constants alone give is computed as in JavaScript`,
    { skip: ofConstants },
    async () => {
      const on = await open();
      const kernels = Object.values(constantKernels).map((f) =>
        customKernel(f, { inputs: [{ rank: 1 }], output: (x) => x })
      );
      const here = tensor([1, -2, 3]);
      const there = tensor([1, -2, 3], { device: on });
      const results = await Promise.all(kernels.map((kernel) => kernel(there).data()));
      kernels.forEach((kernel, i) => {
        assert.deepEqual(
          [...results[i]!],
          elementsOf(kernel(here)),
          Object.keys(constantKernels)[i],
        );
      });
    },
  );

  test(`customKernel by ${name}: in jit, grad and vmap`, { skip }, async () => {
    const on = await open();
    const [a, b] = [
      uniformTensor([4, 3], 1, -1, 1, "float32"),
      uniformTensor([3, 5], 2, -1, 1, "float32"),
    ];
    const move = (x: Tensor) => tensor(x.dataSync(), { shape: x.shape, device: on });
    const [ga, gb] = [move(a), move(b)];
    const loss = (f: typeof product) => (a: Tensor, b: Tensor) => sum(mul(f(a, b), f(a, b)));
    const f = jit(grad(loss(product), { argnums: [0, 1] }));
    const [da, db] = f(ga, gb);
    const mapped = vmap((row: Tensor) => product(row.reshape([1, 3]), gb))(ga);
    const [x, y, z] = await Promise.all([da.data(), db.data(), mapped.data()]);
    const [ea, eb] = grad(loss(matmul as typeof product), { argnums: [0, 1] })(a, b);
    assertClose(x!, elementsOf(ea), 1e-5);
    assertClose(y!, elementsOf(eb), 1e-5);
    assertClose(z!, elementsOf(matmul(a, b)), 1e-6);
    const own = explain(f, ga, gb).kernels.filter(({ op }) => op === "customKernel");
    assert.ok(own.length > 0);
    for (const { runs, computes } of own) {
      assert.deepEqual(computes, ["product"]);
      assert.match(runs!, name === "WGSL" ? /^WGSL, product$/ : /^gpu\.js$/);
    }
  });

  test(`customKernel by ${name}: many elements, and rows of threads`, { skip }, async () => {
    const on = await open();
    const data = Float32Array.from({ length: 5_000_000 }, (_, i) => i % 1000);
    const result = await twice(tensor(data, { device: on })).data();
    assert.ok(result.every((value, i) => value === 2 * data[i]!));
  });
}

test(
  "customKernel: a shader that the device refuses is told as the kernel's, and the device goes on",
  { skip },
  async () => {
    const binding = "@group(0) @binding(0) var<storage, read_write> result: array<f32>;\n";
    const main = "@compute @workgroup_size(1) fn main()";
    const codes = [
      "not WGSL",
      `${binding}${main} { result[0] = f32(4294967296i); }`,
      `${binding}${main.replace("main", "other")} { result[0] = 1.0; }`,
    ];
    for (const code of codes) {
      const backend = webgpuBackend(await openGpu("test"), {
        customKernel: () => ({
          code,
          bindings: [{ buffer: 0, writes: true }],
          workgroups: [1, 1, 1],
          label: "wave",
          kernel: "wave",
        }),
      });
      const params = {
        name: "wave",
        shape: [1],
        constants: [],
        source: "function () { return 1; }",
      };
      const result = { shape: [1], dtype: "float32" } as const;
      const program = oneKernelProgram("customKernel", params, [], result);
      const isOurs = (error: Error): boolean =>
        error instanceof KernelError &&
        /^customKernel: the device refused the shader of wave: /.test(error.message);
      const negated = backend.compile(
        oneKernelProgram("neg", {}, [{ ...result, values: [] }], result),
      );
      const refused = backend.compile(program);
      const [out] = refused.run([]);
      const [after] = negated.run([out!]);
      const other = backend.upload(Float32Array.of(1));
      const results = [out!, after!].map((each) => backend.download(each, "float32"));
      for (const each of results) await assert.rejects(Promise.resolve(each), isOurs);
      assert.throws(() => refused.run([]), isOurs);
      assert.throws(() => negated.run([out!]), isOurs);
      assert.equal(backend.hasFailed(), false);
      assert.deepEqual([...await backend.download(negated.run([other])[0]!, "float32")], [-1]);
    }
  },
);

test("customKernel: where gpu.js is missing WGSL cannot do it, and says so", { skip }, async () => {
  const backend = webgpuBackend(await gpu());
  const params = {
    name: "twice",
    shape: [1],
    constants: [],
    source: "function (x) { return x[0] * 2; }",
  };
  const x = { shape: [1], dtype: "float32", values: [1] } as const;
  const program = oneKernelProgram("customKernel", params, [x], { shape: [1], dtype: "float32" });
  assert.throws(
    () => backend.compile(program),
    (error: Error) => error instanceof DeviceError && /expected gpu\.js/.test(error.message),
  );
});

test("customKernel: a shader has its extents and numbers in its text, and no uniforms", () => {
  const translate = customShaders(GPU, functionLibrary);
  const kernel = oneKernelProgram(
    "customKernel",
    {
      name: "f",
      shape: [70_000],
      constants: [["k", 0.1]],
      source: rememberText("function (x) { return x[this.thread.x][1] * this.constants.k; }"),
    },
    [{ shape: [70_000, 2], dtype: "float32", values: [] }],
    { shape: [70_000], dtype: "float32" },
  ).kernels[0]!;
  const { code, bindings, workgroups, label } = translate(kernel as never, {
    workgroupsPerDimension: 256,
  });
  assert.doesNotMatch(code, /params|uniform/);
  assert.match(code, /bitcast<f32>\(1036831949u \| zeroBits\)/);
  assert.deepEqual(bindings, [{ buffer: 0, writes: false }, { buffer: 1, writes: true }]);
  assert.ok(
    workgroups[0] * workgroups[1] * 256 >= 70_000 && workgroups.every((each) => each <= 256),
  );
  assert.equal(label, "f");
  const large = { ...kernel, output: { buffer: 1, spec: { shape: [2 ** 25], dtype: "float32" } } };
  assert.throws(
    () => translate(large as never, { workgroupsPerDimension: 65535 }),
    /^DeviceError: customKernel: f is too large for a GPU/,
  );
});

test("customKernel: what gpu.js does not compile is said as ours", () => {
  const translate = customShaders(GPU, functionLibrary);
  const [kernel] = oneKernelProgram(
    "customKernel",
    {
      name: "f",
      shape: [1],
      constants: [],
      source: rememberText("function () { return Math.atanh(2, ); }"),
    },
    [],
    { shape: [1], dtype: "float32" },
  ).kernels;
  const broken = { ...kernel, output: { buffer: 0, spec: { shape: [1], dtype: "float32" } } };
  const limits = { workgroupsPerDimension: 65535 };
  // As gpu.js would fail, if it did: its translator is told to.
  const refusing = customShaders(refusingAfterTheCheck(), functionLibrary);
  assert.doesNotThrow(() => translate(broken as never, limits));
  assert.throws(
    () => refusing(broken as never, limits),
    (error: Error) =>
      error instanceof KernelError &&
      /^customKernel: gpu\.js does not compile f: no such thing/.test(error.message),
  );
});

/** gpu.js whose kernels fail from the second one on. */
function refusingAfterTheCheck(): unknown {
  const Original = GPU as unknown as new (
    settings: object,
  ) => { Kernel: new (...args: unknown[]) => object };
  let made = 0;
  return class extends Original {
    constructor(settings: object) {
      super(settings);
      const { Kernel } = this;
      this.Kernel = class extends Kernel {
        constructor(...args: unknown[]) {
          super(...args);
          if (++made > 1) throw new Error("no such thing");
        }
      };
    }
  };
}
