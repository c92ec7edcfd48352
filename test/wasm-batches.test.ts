import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { prepare } from "../backends/reference/prepare.ts";
import { wasmBackend } from "../backends/wasm/mod.ts";
import {
  adamw,
  applyUpdates,
  explain,
  type GradientTransformation,
  jit,
  s3,
  sgd,
  square,
  type StateKind,
  type StateOf,
  sum,
  type Tensor,
  tensor,
  treeLeaves,
} from "../mod.ts";
import { registerDevice } from "../src/backend/registry.ts";
import { fillSeeded } from "./support/fill-seeded.ts";

for (const threads of [1, 2, 3, 4]) {
  registerDevice(`wasm batches ${threads}`, () => wasmBackend({ prepare, threads }));
}

type Shape = readonly number[];

function leaf(shape: Shape, seed: number, device: string): Tensor {
  return tensor(fillSeeded("float32", shape, seed), { shape, device });
}

function stepOf<Kind extends StateKind>(optimizer: GradientTransformation<Kind>) {
  return jit((params: Tensor[], state: StateOf<Kind, Tensor[]>, gradient: Tensor[]) => {
    const [updates, next] = optimizer.update(gradient, state, params);
    return [applyUpdates(params, updates), next] as const;
  }, { donate: [0, 1] });
}

const optimizers = {
  s3: s3({ learningRate: 0.01, weightDecay: 0.01 }),
  adamw: adamw({ learningRate: 0.01, weightDecay: 0.01 }),
  sgd: sgd({ learningRate: 0.01, momentum: 0.9 }),
};

/** How the kernels of a step over leaves of these shapes run, and how often each way occurs. */
function waysOf<Kind extends StateKind>(
  optimizer: GradientTransformation<Kind>,
  shapes: readonly Shape[],
  threads: number,
): Record<string, number> {
  const params = shapes.map((shape, i) => leaf(shape, i, `wasm batches ${threads}`));
  const { kernels } = explain(stepOf(optimizer), params, optimizer.init(params), params);
  const ways: Record<string, number> = {};
  for (const { runs } of kernels) ways[runs!] = (ways[runs!] ?? 0) + 1;
  return ways;
}

for (const [name, optimizer] of Object.entries(optimizers)) {
  test(`wasm batches: the ${name} step over 200 tensors is one call`, () => {
    const equal = Array.from({ length: 200 }, () => [500]);
    // However they are shaped.
    const others = Array.from(
      { length: 200 },
      (_, i) => [[70 + i], [3 + i, 40], [2, 5, 20]][i % 3]!,
    );
    for (const threads of [1, 4]) {
      for (const shapes of [equal, others]) {
        const { generated = 0, ...many } = waysOf<StateKind>(optimizer, shapes, threads);
        assert.deepEqual(many, { "generated, 200 in one": 200 });
        // Numbers that all tensors share, such as the rate.
        assert.ok(generated <= 1, `${generated} other calls`);
      }
    }
  });
}

test("wasm batches: reductions of the rows of many tensors are one call", () => {
  const device = "wasm batches 4";
  const leaves = Array.from({ length: 30 }, (_, i) => leaf([100 + i, 3, 20], i, device));
  const squares = jit((leaves: Tensor[]) => leaves.map((x) => sum(square(x), { axis: 2 })));
  const { kernels } = explain(squares, leaves);
  assert.deepEqual(kernels.map(({ runs }) => runs), leaves.map(() => "generated, 30 in one"));
});

test("wasm batches: tensors together give the bits of each alone, for any number of threads", () => {
  // Around the lengths from which on code is the same, and enough that threads share them.
  const extent = fc.oneof(
    fc.constantFrom(0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 63, 64, 65, 1000),
    fc.constantFrom(4096, 40_000, 100_003),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.values(optimizers)),
      fc.array(fc.tuple(extent, fc.constantFrom(1, 1, 2, 3)), { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 0, max: 1000 }),
      (optimizer: GradientTransformation<StateKind>, shapes, seed) => {
        /** Three steps over these leaves. */
        const train = (chosen: readonly number[], device: string): Tensor[][] => {
          const make = (kind: number) =>
            chosen.map((i) => leaf(shapes[i]!, seed + 3 * i + kind, device));
          const step = stepOf(optimizer);
          let [params, gradient] = [make(0), make(1)];
          let state = optimizer.init(params);
          for (let i = 0; i < 3; i++) [params, state] = step(params, state, gradient);
          // Numbers belong to all of them.
          const arrays = (treeLeaves(state) as Tensor[]).filter(({ rank }) => rank > 0);
          return params.map((param, i) => [
            param,
            ...arrays.filter((_, at) => at % params.length === i),
          ]);
        };
        const bits = (leaves: Tensor[][]) => leaves.map((each) => each.map((x) => x.dataSync()));
        const alone = shapes.map((_, i) => bits(train([i], "wasm batches 1"))[0]);
        const all = shapes.map((_, i) => i);
        for (const threads of [1, 2, 3, 4]) {
          const together = bits(train(all, `wasm batches ${threads}`));
          assert.deepEqual(together, alone, `${threads} threads`);
        }
      },
    ),
    { numRuns: 25 },
  );
});

test("wasm batches: a function that is called in turn with other tensors follows them", () => {
  const device = "wasm batches 4";
  const step = jit((leaves: Tensor[]) => leaves.map((x) => x.mul(2)));
  const sets = [1, 2].map((seed) =>
    Array.from({ length: 50 }, (_, i) => leaf([i % 2 === 0 ? 40 : 10_000], seed * 100 + i, device))
  );
  for (let turn = 0; turn < 80; turn++) {
    const [given, other] = turn % 2 === 0 ? [sets[0]!, sets[1]!] : [sets[1]!, sets[0]!];
    // The same tensor may be in several places.
    const mixed = given.map((x, i) => i % 4 === 0 ? other[0]! : x);
    step(mixed).forEach((result, i) => {
      const expected = mixed[i]!.dataSync().map((value) => Number(value) * 2);
      assert.deepEqual(result.dataSync(), expected);
    });
  }
});
