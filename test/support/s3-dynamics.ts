import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import {
  applyUpdates,
  deviceGet,
  type DeviceName,
  devicePut,
  grad,
  jit,
  mul,
  s3,
  type S3State,
  scaleByAdam,
  scaleByS3,
  scope,
  square,
  sum,
  type Tensor,
  tensor,
  zeros,
} from "../../mod.ts";
import { type FloatDType, type Machine, runS3, runsOn } from "./run-s3.ts";

/** What tensors are made with. */
interface Place {
  readonly dtype: FloatDType;
  readonly device: DeviceName;
}

/** Properties 6, 7 and 8: what S3 does over many steps, and Adam beside it. */
export function testDynamics(machine: Machine): void {
  const { name, device, dtype, skip, isGpu } = machine;
  const property = (title: string, body: () => Promise<void>) =>
    test(`s3 ${name}: ${title}`, { skip }, body);
  const here = { dtype, device };
  const isSingle = dtype === "float32";

  property(
    "on a parabola a constant rate ends in a cycle of two, whatever curvature and p",
    async () => {
      const learningRate = 0.01;
      const curvatures = tensor([1e-3, 0.1, 1, 30, 1e4], here);
      const loss = (x: Tensor, curvatures: Tensor) => sum(mul(mul(curvatures, 0.5), square(x)));
      // A rounding of float32 moves the cycle.
      const tolerance = isSingle ? 1e-4 : 1e-9;
      // While r forgets the way there x goes towards 0: in float32, for large b and p, down to where L x underflows.
      const orders = isGpu ? [1, 1.5, 3] : [1, 1.5, 2, 3, 4, ...(isSingle ? [] : [8])];
      const decays = isGpu ? [0.5, 0.95] : [0.5, 0.9, 0.95, ...(isSingle ? [] : [0.99])];
      const cases = decays.flatMap((b) => orders.map((p) => ({ b, p })));
      for (const { b, p } of cases) {
        const amplitude = (learningRate * (1 - b) * (1 + 2 * b)) / (2 * (1 + b));
        const optimizer = s3({ learningRate, b, p });
        const step = jit((x: Tensor, state: ReturnType<typeof initialS3>, curvatures: Tensor) => {
          const [updates, next] = optimizer.update(grad(loss)(x, curvatures), state);
          return [applyUpdates(x, updates), next] as const;
        });
        // r forgets the way there at the rate b^(1/p).
        const steps = 500 + Math.ceil(((isSingle ? 12 : 24) * p) / -Math.log(b));
        const [now, next] = await scope(() => {
          let x = tensor([0.011, -0.012, 0.0101, 0.013, -0.0107], here);
          let state = optimizer.init(x);
          for (let t = 0; t < steps; t++) [x, state] = step(x, state, curvatures);
          return deviceGet([x, step(x, state, curvatures)[0]]);
        });
        now!.forEach((value, i) => {
          const where = `b=${b} p=${p} coordinate ${i}: ${value}, then ${
            next![i]
          }; amplitude ${amplitude}`;
          assert.ok(Math.abs(Math.abs(value) - amplitude) < tolerance * amplitude, where);
          assert.ok(Math.abs(value + next![i]!) < tolerance * amplitude, where);
        });
      }
    },
  );

  property("with the defaults the cycle has the amplitude 0.0371795 times the rate", async () => {
    const b = 0.95;
    assert.equal((((1 - b) * (1 + 2 * b)) / (2 * (1 + b))).toFixed(7), "0.0371795");
    const optimizer = s3({ learningRate: 1 });
    const step = jit((x: Tensor, state: ReturnType<typeof initialS3>) => {
      const [updates, next] = optimizer.update(x, state);
      return [applyUpdates(x, updates), next] as const;
    });
    const [last] = await scope(() => {
      let x = tensor(1.5, here);
      let state = optimizer.init(x);
      for (let t = 0; t < 2000; t++) [x, state] = step(x, state);
      return deviceGet([x]);
    });
    assert.ok(Math.abs(Math.abs(last![0]!) - 0.0371795) < (isSingle ? 2e-6 : 5e-8), `${last}`);
  });

  /** Adam's states as after many steps: the bias corrections are 1. */
  const lateAdam = (columns: number) => ({
    ...scaleByAdam().init(zeros([columns], here)),
    count: tensor(1_000_000, { dtype: "int32", device }),
  });

  const worstOfAdam = ((1 - 0.9) / Math.sqrt(1 - 0.999)) / Math.sqrt(1 - (0.9 * 0.9) / 0.999);
  const nearWorst = isSingle ? 1e-4 : 1e-6;

  property(
    "gradients that grow by b2 / b1 a step bring Adam to 7.27, and S3 to at most 1",
    async () => {
      assert.equal(worstOfAdam.toFixed(2), "7.27");
      const orders = [1, 2, 3, 8];
      const directions = orders.map((p) => scaleByS3({ p }));
      const adam = scaleByAdam();
      type States = readonly S3State<Tensor>[];
      const step = jit((g: Tensor, adamState: ReturnType<typeof lateAdam>, states: States) => {
        const others = directions.map((direction, k) => direction.update(g, states[k]!));
        return [adam.update(g, adamState), others] as const;
      });
      const [ofAdam, ofS3] = await scope(() => {
        let adamState = lateAdam(1);
        let states: States = directions.map((direction) => direction.init(zeros([1], here)));
        const ofAdam: Tensor[] = [];
        const ofS3: Tensor[] = [];
        for (let t = 0; t < 200; t++) {
          const [[u, next], others] = step(tensor([(0.999 / 0.9) ** t], here), adamState, states);
          [adamState, states] = [next, others.map(([, state]) => state)];
          ofAdam.push(u);
          ofS3.push(...others.map(([v]) => v));
        }
        return deviceGet([ofAdam, ofS3] as const);
      });
      for (const u of ofS3) assert.ok(Math.abs(u[0]!) <= 1, `${u}`);
      const largest = Math.max(...ofAdam.map((u) => Math.abs(u[0]!)));
      assert.ok(Math.abs(largest - worstOfAdam) < nearWorst, `${largest}`);
    },
  );

  property("no stream brings Adam above 7.27, so the stream before is its worst", async () => {
    const adam = scaleByAdam();
    const update = jit((g: Tensor, state: ReturnType<typeof lateAdam>) => adam.update(g, state));
    const columns = isGpu ? 30 : 3;
    const row = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), {
      minLength: columns,
      maxLength: columns,
    });
    const gradients = fc.array(row, { minLength: 40, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(
        gradients,
        fc.double({ min: 0.8, max: 1.5, noNaN: true }),
        async (stream, growth) => {
          const all = await scope(() => {
            let state = lateAdam(columns);
            return deviceGet(stream.map((row, t) => {
              const [u, next] = update(tensor(row.map((g) => g * growth ** t), here), state);
              state = next;
              return u;
            }));
          });
          for (const u of all) {
            for (const x of u) {
              assert.ok(
                Math.abs(x) <= worstOfAdam + (isSingle ? 1e-4 : 1e-9),
                `${x}`,
              );
            }
          }
        },
      ),
      runsOn(isGpu, 10),
    );
  });

  property("one unit gradient after 20,000 quiet ones moves S3 far less than Adam", async () => {
    // Quiet gradients of random sign, in 32 columns; the sum of |u| over the spike and 400 quiet steps.
    const columns = 32;
    const names = ["adam", "p1", "p2", "p3"] as const;
    const directions = {
      adam: scaleByAdam(),
      p1: scaleByS3({ p: 1 }),
      p2: scaleByS3({ p: 2 }),
      p3: scaleByS3({ p: 3 }),
    };
    const initialOn = (place: Place) => {
      const start = zeros([columns], place);
      return {
        adam: directions.adam.init(start),
        p1: directions.p1.init(start),
        p2: directions.p2.init(start),
        p3: directions.p3.init(start),
      };
    };
    const quietOn = (place: Place) =>
      Array.from(
        { length: 61 },
        (_, k) => tensor(signs(columns, k).map((sign) => 1e-6 * sign), place),
      );
    const step = jit((g: Tensor, state: ReturnType<typeof initialOn>) => {
      const [adam, adamState] = directions.adam.update(g, state.adam);
      const [p1, p1State] = directions.p1.update(g, state.p1);
      const [p2, p2State] = directions.p2.update(g, state.p2);
      const [p3, p3State] = directions.p3.update(g, state.p3);
      return [
        { adam, p1, p2, p3 },
        { adam: adamState, p1: p1State, p2: p2State, p3: p3State },
      ] as const;
    });
    const updates = await scope(async () => {
      // So many steps take long on a GPU that is software: only those that count are made there.
      const before = { dtype, device: isGpu ? "cpu" : device };
      const quietBefore = quietOn(before);
      let state = initialOn(before);
      for (let t = 0; t < 20_000; t++) state = step(quietBefore[t % 61]!, state)[1];
      state = await devicePut(state, device);
      const quiet = quietOn(here);
      const unit = tensor(new Array<number>(columns).fill(1), here);
      return await deviceGet(Array.from({ length: 401 }, (_, t) => {
        const [u, next] = step(t === 0 ? unit : quiet[t % 61]!, state);
        state = next;
        return u;
      }));
    });
    const moved = { adam: 0, p1: 0, p2: 0, p3: 0 };
    for (const u of updates) {
      for (const name of names) for (const x of u[name]) moved[name] += Math.abs(x) / columns;
    }
    const near = (value: number, expected: number, tolerance: number) =>
      assert.ok(Math.abs(value - expected) <= tolerance, JSON.stringify(moved));
    near(moved.adam, 31.8, 0.1);
    near(moved.p3, 4.0, 0.05);
    near(moved.p2, 9.3, 0.3);
    near(moved.p1, 227, 4);
  });

  /** Steps after an outlier of ratio R until r is at most twice the size of the other gradients. */
  async function stepsToForget(p: number, b: number, R: number, atMost = 4000): Promise<number> {
    const gradients = Array.from({ length: atMost }, (_, t) => [t === 0 ? R : 1]);
    return (await runS3(machine, { b, p }, gradients)).findIndex(({ r }) => r[0]! <= 2);
  }

  property("a large p forgets an outlier slowly: another p ln R / -ln b steps", async () => {
    for (const b of isGpu ? [0.9] : [0.9, 0.95]) {
      const perOrder = (R: number) => Math.log(R) / -Math.log(b);
      for (const p of isGpu ? [3] : [2, 3, 4, 8]) {
        const steps = await stepsToForget(p, b, 1e6, isGpu ? 450 : 4000);
        // The outlier enters r with the weight 1 - b, and r comes down to 2 instead of 1.
        const fromStart = steps - (p * Math.log(1e6 / 2) + Math.log(1 - b)) / -Math.log(b);
        assert.ok(Math.abs(fromStart) < 6, `b=${b} p=${p}: off by ${fromStart} steps`);
        const larger = await stepsToForget(p, b, 1e9, isGpu ? 650 : 4000) - steps;
        assert.ok(
          Math.abs(larger - p * perOrder(1e3)) < 2,
          `b=${b} p=${p}: ${larger} more steps`,
        );
      }
    }
    assert.equal(await stepsToForget(Infinity, 0.95, 1e6, isGpu ? 100 : 4000), -1);
  });
}

const initialS3 = (params: Tensor) => s3({ learningRate: 1 }).init(params);

/** Signs that look random, the same in every run. */
function signs(count: number, seed: number): number[] {
  let word = (seed * 2654435761 + 1) >>> 0;
  return Array.from({ length: count }, () => {
    word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
    return word >>> 31 === 0 ? 1 : -1;
  });
}
