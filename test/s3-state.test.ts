// What flows through S3 besides finite float32: NaN, bfloat16 state, transformations of the update.
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import {
  applyUpdates,
  constantSchedule,
  jit,
  s3,
  scaleByS3,
  type Tensor,
  tensor,
  vmap,
  zeros,
} from "../mod.ts";
import { finiteFloat32, moderateFloat32, streams } from "./support/gradient-streams.ts";
import { assertSameBits, decays, orders, runS3 } from "./support/run-s3.ts";

test("s3: NaN and infinite gradients reach the update as NaN, beside finite coordinates", () => {
  for (const p of orders) {
    for (const b of decays) {
      for (const nesterov of [true, false]) {
        for (const bad of [NaN, Infinity, -Infinity]) {
          const where = `b=${b} p=${p} nesterov=${nesterov} ${bad}`;
          const gradients = [[1, 1, 0], [bad, 1, bad], [1, 1, 1]];
          const [, now, after] = runS3({ b, p, nesterov }, gradients, "float32");
          const { u } = now!;
          assert.ok(Number.isNaN(u[0]) && Number.isNaN(u[2]), `${where}: ${u}`);
          assert.ok(u[1]! > 0, where);
          // Nothing repairs it later, but where the state has no weight.
          if (b > 0) {
            assert.ok(!Number.isFinite(now!.m[0]) && !Number.isFinite(now!.r[0]), where);
            assert.ok(Number.isNaN(after!.u[0]), `${where} later: ${after!.u}`);
          }
          if (b === 0) assert.equal(after!.u[0], 1, where);
        }
      }
    }
  }
});

test("s3: a NaN or infinite first gradient gives NaN", () => {
  for (const b of decays) {
    const { u } = runS3({ b }, [[NaN, Infinity, -Infinity]], "float32")[0]!;
    assert.ok(Array.from(u).every(Number.isNaN), `b=${b}: ${u}`);
  }
});

test("s3: with bfloat16 state |u| <= 1 exactly, and the state is bfloat16", () => {
  const columns = 16;
  const inRange = finiteFloat32.filter((g) => Math.abs(g) <= 2 ** 127);
  for (const p of orders) {
    for (const b of decays) {
      const transform = scaleByS3({ b, p, stateDtype: "bfloat16" });
      const update = jit((g: Tensor, state: ReturnType<typeof init>) => transform.update(g, state));
      const init = () => transform.init(zeros([columns]));
      fc.assert(
        fc.property(streams(inRange, { steps: 60, columns }), (gradients) => {
          let state = init();
          for (const row of gradients) {
            const [u, next] = update(tensor(row), state);
            state = next;
            const fine = u.dataSync().every((x) => Math.abs(x) <= 1);
            assert.ok(fine, `b=${b} p=${p}: ${u} from ${row}`);
            assert.deepEqual([u.dtype, next.m.dtype, next.r.dtype], [
              "float32",
              "bfloat16",
              "bfloat16",
            ]);
          }
        }),
        { numRuns: 2 },
      );
    }
  }
});

test("s3: bfloat16 state follows float32 state with the defaults", () => {
  const columns = 16;
  const [half, full] = [scaleByS3({ stateDtype: "bfloat16" }), scaleByS3()];
  const step = jit((g: Tensor, a: ReturnType<typeof init>, c: ReturnType<typeof init>) => {
    return [half.update(g, a), full.update(g, c)] as const;
  });
  const init = () => half.init(zeros([columns]));
  fc.assert(
    fc.property(streams(moderateFloat32(10), { steps: 300, columns }), (gradients) => {
      let a = init();
      let c = full.init(zeros([columns]));
      for (const row of gradients) {
        const [[u, nextA], [v, nextC]] = step(tensor(row), a, c);
        [a, c] = [nextA, nextC];
        u.dataSync().forEach((x, i) => {
          // 8 bits: each step rounds by up to 2^-9, and a twentieth of it is forgotten.
          const difference = Math.abs(x - v.dataSync()[i]!);
          assert.ok(difference < 0.1, `${x} with bfloat16, ${v.dataSync()[i]} with float32`);
        });
      }
    }),
    { numRuns: 5 },
  );
});

test("s3: bfloat16 state forgets an outlier with the defaults, as float32 state does", () => {
  const forget = (stateDtype: "float32" | "bfloat16"): number => {
    const transform = scaleByS3({ stateDtype });
    const update = jit((g: Tensor, s: ReturnType<typeof init>) => transform.update(g, s));
    const init = () => transform.init(zeros([1]));
    let state = init();
    for (let t = 0; t < 3000; t++) {
      state = update(tensor([t === 0 ? 1e6 : 1]), state)[1];
      if ((state.r.toArray() as number[])[0]! <= 2) return t;
    }
    return Infinity;
  };
  const [half, full] = [forget("bfloat16"), forget("float32")];
  assert.ok(Math.abs(half - full) < 0.1 * full, `${half} and ${full} steps`);
});

test("s3: one rounding of the state away, bfloat16 and float32 give the same update", () => {
  const g = tensor([1e-30, -3, 7e20]);
  const [u] = scaleByS3({ stateDtype: "bfloat16" }).update(
    g,
    scaleByS3({ stateDtype: "bfloat16" }).init(g),
  );
  const [v] = scaleByS3({ stateDtype: "float32" }).update(
    g,
    scaleByS3({ stateDtype: "float32" }).init(g),
  );
  assertSameBits(u.dataSync(), v.dataSync(), "first step");
});

test("s3: the state takes the dtype of each parameter", () => {
  const params = { a: zeros([2]), b: zeros([3], { dtype: "float64" }) };
  const { m, r } = scaleByS3().init(params);
  assert.deepEqual([m.a.dtype, m.b.dtype, r.a.dtype, r.b.dtype], [
    "float32",
    "float64",
    "float32",
    "float64",
  ]);
  assert.deepEqual([m.b.shape, r.a.shape], [[3], [2]]);
  const [u] = scaleByS3().update(params, { m, r });
  assert.deepEqual([u.a.dtype, u.b.dtype], ["float32", "float64"]);
});

test("s3: without Nesterov the update is m' over r'", () => {
  const gradients = [[3, -1], [-0.5, 2], [1, 1], [0, -4]];
  for (const p of orders) {
    for (const { u, m, r } of runS3({ b: 0.9, p, nesterov: false }, gradients, "float64")) {
      for (const i of [0, 1]) assert.ok(Math.abs(u[i]! - m[i]! / r[i]!) < 1e-14, `p=${p}`);
    }
  }
});

/** Twenty steps of an optimizer on given gradients. */
function train(optimizer: ReturnType<typeof s3>, start: Params): Params {
  let params = start;
  let state = optimizer.init(params);
  for (let t = 0; t < 20; t++) {
    const g = { w: params.w.mul(2).add(t % 3), bias: params.bias.sub(t) };
    const [updates, next] = optimizer.update(g, state, params);
    [params, state] = [applyUpdates(params, updates), next];
  }
  return params;
}

type Params = { w: Tensor; bias: Tensor };

const start: Params = { w: tensor([[1, -2], [0.5, 3]]), bias: tensor([0.25, -0.125]) };

function assertSameParams(a: Params, b: Params, where: string): void {
  assertSameBits(a.w.dataSync(), b.w.dataSync(), where);
  assertSameBits(a.bias.dataSync(), b.bias.dataSync(), where);
}

test("s3: the learning rate as a number, a tensor and a constant schedule gives the same bits", () => {
  const plain = train(s3({ learningRate: 0.03, weightDecay: 0.1 }), start);
  for (const learningRate of [tensor(0.03), constantSchedule(0.03)]) {
    assertSameParams(
      train(s3({ learningRate, weightDecay: 0.1 }), start),
      plain,
      `${learningRate}`,
    );
  }
});

test("s3: weight decay takes lr wd theta from the leaves of the mask only", () => {
  const zeroGradient = { w: zeros([2, 2]), bias: zeros([2]) };
  const decayed = (options: Partial<Parameters<typeof s3>[0]>) => {
    const optimizer = s3({ learningRate: 0.5, weightDecay: 0.25, ...options });
    const [updates] = optimizer.update(zeroGradient, optimizer.init(start), start);
    return [updates.w.toArray(), updates.bias.toArray()];
  };
  const w = [[-0.125, 0.25], [-0.0625, -0.375]];
  const bias = [-0.03125, 0.015625];
  assert.deepEqual(decayed({}), [w, bias]);
  const nothing = [-0, -0];
  const masks = [{ w: true, bias: false }, (_: unknown) => ({ w: true, bias: false })];
  for (const mask of masks) assert.deepEqual(decayed({ mask }), [w, nothing]);
  assert.deepEqual(decayed({ weightDecay: 0 }), [[nothing, nothing], nothing]);
});

test("s3: without weight decay the update needs no parameters, with it they are asked for", () => {
  const g = tensor([1]);
  const free = s3({ learningRate: 1 });
  free.update(g, free.init(g));
  const decaying = s3({ learningRate: 1, weightDecay: 0.1 });
  assert.throws(() => decaying.update(g, decaying.init(g)), {
    name: "OptionError",
    message: /params are missing.*update\(updates, state, params\)/,
  });
});

test("s3: 50 jitted steps with donated parameters and state give the bits of 50 eager ones", () => {
  for (
    const options of [{}, { p: 1.5, b: 0.5 }, { p: Infinity }, { b: 0 }, {
      stateDtype: "bfloat16" as const,
    }]
  ) {
    const optimizer = s3({ learningRate: 0.02, weightDecay: 0.01, ...options });
    const step = (params: Params, state: ReturnType<typeof initial>, t: Tensor) => {
      const g = { w: params.w.mul(2).add(t), bias: params.bias.sub(t) };
      const [updates, next] = optimizer.update(g, state, params);
      return [applyUpdates(params, updates), next] as const;
    };
    const initial = () => optimizer.init(start);
    const compiled = jit(step, { donate: [0, 1] });
    let [a, stateA] = [start, initial()];
    // A copy of its own: the first call takes over the memory.
    let [b, stateB] = [{ w: start.w.add(0), bias: start.bias.add(0) }, initial()];
    for (let i = 0; i < 50; i++) {
      const t = tensor(Math.fround(Math.sin(i) * 1.5));
      [a, stateA] = step(a, stateA, t);
      [b, stateB] = compiled(b, stateB, t);
      const where = `${JSON.stringify(options)} step ${i + 1}`;
      assertSameParams(b, a, where);
      assertSameParams(stateB[0].m, stateA[0].m, where);
      assertSameParams(stateB[0].r, stateA[0].r, where);
      assert.equal(stateB[2].count.item(), i + 1);
    }
  }
});

test("s3: vmap over the update gives the bits of the loop", () => {
  const transform = scaleByS3({ p: 3, b: 0.9 });
  const batch = tensor([[1, -2, 0], [1e-30, 5, -7], [3, 3, 1e20], [0, 0, 0]]);
  const mapped = vmap((g: Tensor, state: ReturnType<typeof one>) => transform.update(g, state));
  const one = () => transform.init(zeros([3]));
  let state = transform.init(zeros([4, 3]));
  const singles = [one(), one(), one(), one()];
  for (let t = 0; t < 5; t++) {
    const g = batch.mul(t - 1.5);
    const [u, next] = mapped(g, state);
    state = next;
    const rows = g.toArray() as number[][];
    rows.forEach((row, k) => {
      const [v, nextSingle] = transform.update(tensor(row), singles[k]!);
      singles[k] = nextSingle;
      assertSameBits((u.toArray() as number[][])[k]!, v.dataSync(), `step ${t + 1}, row ${k}`);
      assertSameBits((state.r.toArray() as number[][])[k]!, nextSingle.r.dataSync(), `r, row ${k}`);
    });
  }
});
