import assert from "node:assert/strict";
import test from "node:test";
import {
  applyUpdates,
  constantSchedule,
  deviceGet,
  jit,
  s3,
  type S3State,
  scaleByS3,
  scope,
  type Tensor,
  tensor,
  treeLeaves,
  type TypedArray,
  vmap,
  zeros,
} from "../../mod.ts";
import { fromBFloat16Bits } from "../../src/core/dtype.ts";
import { finiteFloat32, moderateFloat32, type Streams } from "./gradient-streams.ts";
import {
  assertClose,
  assertSameBits,
  checkStreams,
  decaysOn,
  forEachPlace,
  type Machine,
  orders,
  runS3,
} from "./run-s3.ts";

type Params = { w: Tensor; bias: Tensor };

/** What flows through S3 besides finite floats: NaN, bfloat16 state, transformations of the update. */
export function testState(machine: Machine): void {
  const { name, device, dtype, skip, isGpu } = machine;
  const property = (title: string, body: () => Promise<void>) =>
    test(`s3 ${name}: ${title}`, { skip }, body);
  const here = { dtype, device };

  property(
    "NaN and infinite gradients reach the update as NaN, beside finite coordinates",
    async () => {
      const bad = [NaN, Infinity, -Infinity];
      const gradients = [[...bad.map(() => 1), 1], [...bad, 1], [...bad.map(() => 1), 1]];
      for (const p of orders) {
        for (const b of decaysOn(machine)) {
          for (const nesterov of [true, false]) {
            const [, now, after] = await runS3(machine, { b, p, nesterov }, gradients);
            bad.forEach((g, i) => {
              const where = `b=${b} p=${p} nesterov=${nesterov} ${g}`;
              assert.ok(Number.isNaN(now!.u[i]), `${where}: ${now!.u[i]}`);
              // Nothing repairs it later, but where the state has no weight.
              if (b === 0) return assert.equal(after!.u[i], 1, where);
              assert.ok(!Number.isFinite(now!.m[i]) && !Number.isFinite(now!.r[i]), where);
              assert.ok(Number.isNaN(after!.u[i]), `${where} later: ${after!.u[i]}`);
            });
            assert.ok(now!.u.at(-1)! > 0, `b=${b} p=${p}`);
          }
        }
      }
    },
  );

  property("a NaN or infinite first gradient gives NaN, and 0 beside it stays 0", async () => {
    for (const b of decaysOn(machine)) {
      const [first] = await runS3(machine, { b }, [[NaN, Infinity, -Infinity, 0]]);
      const { u } = first!;
      assert.ok(u.subarray(0, 3).every(Number.isNaN) && u[3] === 0, `b=${b}: ${u}`);
    }
  });

  /** Runs scaleByS3 with bfloat16 state over a stream of float32; gives u, m and r of each step. */
  async function runHalf(
    options: { b?: number; p?: number },
    gradients: Streams,
  ): Promise<{ u: TypedArray; m: TypedArray; r: TypedArray }[]> {
    const transform = scaleByS3({ ...options, stateDtype: "bfloat16" });
    const update = jit((g: Tensor, state: S3State<Tensor>) => transform.update(g, state));
    return await scope(() => {
      let state = transform.init(zeros([gradients[0]!.length], { device }));
      return deviceGet(gradients.map((row) => {
        const [u, next] = update(tensor(row, { device }), state);
        state = next;
        assert.deepEqual([u.dtype, next.m.dtype, next.r.dtype], [
          "float32",
          "bfloat16",
          "bfloat16",
        ]);
        return { u, ...next };
      }));
    });
  }

  property("with bfloat16 state |u| <= 1 exactly, and the state is bfloat16", async () => {
    const sized = { steps: 60, columns: 16, runs: 2 };
    for (const p of isGpu ? [1, 1.5, 3, Infinity] : orders) {
      for (const b of decaysOn(machine)) {
        await checkStreams(machine, finiteFloat32, sized, async (gradients) => {
          for (const { u } of await runHalf({ b, p }, gradients)) {
            assert.ok(u.every((x) => Math.abs(x) <= 1), `b=${b} p=${p}: ${u}`);
          }
        });
      }
    }
  });

  property("the largest floats leave bfloat16 state finite, Infinity does not", async () => {
    const largest = (2 - 2 ** -23) * 2 ** 127;
    const gradients = Array.from({ length: 30 }, () => [largest, -largest, Infinity]);
    for (const p of [1, 3, Infinity]) {
      for (const b of [1e-30, 0.5, 0.95]) {
        for (const { u, m, r } of await runHalf({ b, p }, gradients)) {
          assert.ok(Math.abs(u[0]!) <= 1 && u[1] === -u[0]! && Number.isNaN(u[2]), `b=${b}: ${u}`);
          for (const [x, , z] of [m, r].map((each) => [...each].map(fromBFloat16Bits))) {
            assert.ok(Number.isFinite(x) && !Number.isFinite(z), `p=${p} b=${b}: ${x}, ${z}`);
          }
        }
      }
    }
  });

  property("bfloat16 state follows float32 state with the defaults", async () => {
    const sized = { steps: isGpu ? 100 : 300, columns: 16, runs: 5 };
    const single: Machine = { ...machine, dtype: "float32" };
    await checkStreams(machine, moderateFloat32(10), sized, async (gradients) => {
      const full = await runS3(single, {}, gradients);
      const half = await runHalf({}, gradients);
      forEachPlace(full, (t, i) => {
        // 8 bits: each step rounds by up to 2^-9, and a twentieth of it is forgotten.
        const [x, y] = [half[t]!.u[i]!, full[t]!.u[i]!];
        assert.ok(Math.abs(x - y) < 0.1, `${x} with bfloat16, ${y} with float32`);
      });
    });
  });

  property(
    "bfloat16 state forgets an outlier with the defaults, as float32 state does",
    async () => {
      const gradients = Array.from({ length: 900 }, (_, t) => [t === 0 ? 1e6 : 1]);
      const half = (await runHalf({}, gradients)).findIndex(({ r }) =>
        fromBFloat16Bits(r[0]!) <= 2
      );
      const full = (await runS3({ ...machine, dtype: "float32" }, {}, gradients))
        .findIndex(({ r }) => r[0]! <= 2);
      assert.ok(
        half > 0 && full > 0 && Math.abs(half - full) < 0.1 * full,
        `${half}, ${full} steps`,
      );
    },
  );

  property(
    "one rounding of the state away, bfloat16 and float32 give the same update",
    async () => {
      const gradients = [[1e-30, -3, 7e20]];
      const [half] = await runHalf({}, gradients);
      const [full] = await runS3({ ...machine, dtype: "float32" }, {}, gradients);
      assertSameBits(half!.u, full!.u, "first step");
    },
  );

  property("without Nesterov the update is m' over r'", async () => {
    const gradients = [[3, -1], [-0.5, 2], [1, 1], [0, -4]];
    const tolerance = dtype === "float32" ? 1e-6 : 1e-14;
    for (const p of orders) {
      const steps = await runS3(machine, { b: 0.9, p, nesterov: false }, gradients);
      for (const { u, m, r } of steps) {
        for (const i of [0, 1]) assert.ok(Math.abs(u[i]! - m[i]! / r[i]!) < tolerance, `p=${p}`);
      }
    }
  });

  const start = (): Params => ({
    w: tensor([[1, -2], [0.5, 3]], here),
    bias: tensor([0.25, -0.125], here),
  });

  /** Twenty steps of an optimizer on given gradients. */
  async function train(optimizer: ReturnType<typeof s3>): Promise<TypedArray[]> {
    return await scope(() => {
      let params = start();
      let state = optimizer.init(params);
      const step = jit((params: Params, s: typeof state, t: Tensor) => {
        const g = { w: params.w.mul(2).sub(t), bias: params.bias.sub(t) };
        const [updates, next] = optimizer.update(g, s, params);
        return [applyUpdates(params, updates), next] as const;
      });
      for (let t = 0; t < 20; t++) [params, state] = step(params, state, tensor(t % 3, here));
      return deviceGet([params.w, params.bias]);
    });
  }

  property(
    "the learning rate as a number, a tensor and a constant schedule gives the same bits",
    async () => {
      const plain = await train(s3({ learningRate: 0.03, weightDecay: 0.1 }));
      for (const learningRate of [tensor(0.03, here), constantSchedule(0.03)]) {
        const other = await train(s3({ learningRate, weightDecay: 0.1 }));
        other.forEach((leaf, i) => assertSameBits(leaf, plain[i]!, `${learningRate}`));
      }
    },
  );

  property("weight decay takes lr wd theta from the leaves of the mask only", async () => {
    const zeroGradient = { w: zeros([2, 2], here), bias: zeros([2], here) };
    const params = start();
    const decayed = async (options: Partial<Parameters<typeof s3>[0]>) => {
      const optimizer = s3({ learningRate: 0.5, weightDecay: 0.25, ...options });
      const [updates] = optimizer.update(zeroGradient, optimizer.init(params), params);
      return (await deviceGet([updates.w, updates.bias])).map((leaf) => Array.from(leaf));
    };
    const w = [-0.125, 0.25, -0.0625, -0.375];
    const bias = [-0.03125, 0.015625];
    assert.deepEqual(await decayed({}), [w, bias]);
    // -0 or 0: a GPU's compiler need not keep the sign of zero.
    const isNothing = (leaf: readonly number[]) => leaf.every((x) => x === 0);
    const masks = [{ w: true, bias: false }, (_: unknown) => ({ w: true, bias: false })];
    for (const mask of masks) {
      const [first, second] = await decayed({ mask });
      assert.deepEqual(first, w);
      assert.ok(isNothing(second!), `${second}`);
    }
    assert.ok((await decayed({ weightDecay: 0 })).every(isNothing));
  });

  property(
    "jitted steps with donated parameters and state give what eager ones give",
    async () => {
      const half = { stateDtype: "bfloat16" } as const;
      // Drivers may rearrange the arithmetic of gpu.js's kernels; ours in WGSL are guarded.
      const rearranges = device.startsWith("gpu:gpujs");
      const variants = [{}, half, { p: Infinity }, { p: 1.5, b: 0.5 }, { b: 0 }];
      const steps = isGpu ? 5 : 50;
      for (const variant of variants) {
        const optimizer = s3({ learningRate: 0.02, weightDecay: 0.01, ...variant });
        const initial = () => optimizer.init(start());
        const step = (params: Params, state: ReturnType<typeof initial>, t: Tensor) => {
          const g = { w: params.w.mul(2).add(t), bias: params.bias.sub(t) };
          const [updates, next] = optimizer.update(g, state, params);
          return [applyUpdates(params, updates), next] as const;
        };
        const run = (one: typeof step) =>
          scope(() => {
            let [params, state] = [start(), initial()];
            const reads = Array.from({ length: steps }, (_, i) => {
              const t = tensor(Math.fround(Math.sin(i) * 1.5), here);
              [params, state] = one(params, state, t);
              return Promise.all(treeLeaves([params, state]).map((leaf) => leaf.data()));
            });
            return Promise.all(reads);
          });
        const [eager, compiled] = [await run(step), await run(jit(step, { donate: [0, 1] }))];
        eager.forEach((leaves, i) => {
          const where = `${JSON.stringify(variant)} step ${i + 1}`;
          leaves.forEach((leaf, k) => {
            const values = compiled[i]![k]!;
            if (!rearranges) return assertSameBits(values, leaf, `${where}, leaf ${k}`);
            // The bits of a bfloat16 are whole numbers, of which the last may differ.
            const near = leaf instanceof Uint16Array ? 1 : 1e-5;
            leaf.forEach((x, j) => assertClose(values[j]!, x, near, () => `${where}, leaf ${k}`));
          });
        });
      }
    },
  );

  property("vmap over the update gives the bits of the loop", async () => {
    const transform = scaleByS3({ p: 3, b: 0.9 });
    const batch = [[1, -2, 0], [1e-30, 5, -7], [3, 3, 1e20], [0, 0, 0]];
    const one = () => transform.init(zeros([3], here));
    const mapped = vmap((g: Tensor, state: ReturnType<typeof one>) => transform.update(g, state));
    const results = await scope(() => {
      let state = transform.init(zeros([4, 3], here));
      const singles = batch.map(one);
      return deviceGet(Array.from({ length: 5 }, (_, t) => {
        const rows = batch.map((row) => row.map((g) => Math.fround(g) * (t - 1.5)));
        const [u, next] = mapped(tensor(rows, here), state);
        state = next;
        const loop = rows.map((row, k) => {
          const [v, nextSingle] = transform.update(tensor(row, here), singles[k]!);
          singles[k] = nextSingle;
          return [v, nextSingle.r] as const;
        });
        return { whole: [u, next.r] as const, loop };
      }));
    });
    results.forEach(({ whole, loop }, t) => {
      loop.forEach((single, k) => {
        single.forEach((values, i) => {
          const row = whole[i]!.subarray(3 * k, 3 * k + 3);
          assertSameBits(row, values, `step ${t + 1}, row ${k}, result ${i}`);
        });
      });
    });
  });
}
