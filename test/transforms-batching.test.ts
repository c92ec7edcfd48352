import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Tensor, vmap, zeros } from "../mod.ts";
import { formatSpec } from "../src/core/shape.ts";
import type { PrimitiveName } from "../src/graph/instruction-set.ts";
import { stack } from "../src/ops/shaping.ts";
import { moveAxis } from "../src/primitives/batching.ts";
import { bind } from "../src/tracing/bind.ts";
import { primitiveOf } from "../src/tracing/primitive.ts";
import { type Application, drawOperand, primitiveCases } from "./support/primitive-cases.ts";
import { assertSameBits } from "./support/tensors.ts";

/** Every way to batch some of the operands, at least one. */
function combinations(count: number): boolean[][] {
  return Array.from(
    { length: 2 ** count - 1 },
    (_, bits) => Array.from({ length: count }, (_, i) => ((bits + 1) >> i) % 2 === 1),
  );
}

/** Batches along any axis of operands and result, held against one application an example. */
function checkBatching(name: PrimitiveName, { params, operands }: Application, seed: number): void {
  const size = 1 + seed % 3;
  const f = (...inputs: Tensor[]): Tensor => bind(name, params as never, inputs);
  for (const batched of combinations(operands.length)) {
    const examples = Array.from(
      { length: size },
      (_, b) =>
        operands.map((operand, i) => drawOperand(operand, seed + 31 * i + (batched[i] ? b : 0))),
    );
    const inAxes = operands.map(({ shape }, i) =>
      batched[i] ? (seed + i) % (shape.length + 1) : null
    );
    const inputs = operands.map((_, i) =>
      inAxes[i] === null
        ? examples[0]![i]!
        : stack(examples.map((example) => example[i]!), inAxes[i]!)
    );
    const expected = stack(examples.map((example) => f(...example)));
    const outAxes = seed % expected.rank;
    const actual = vmap(f, { inAxes, outAxes })(...inputs);
    assertSameBits(moveAxis(actual, outAxes, 0), expected, `${name} ${inAxes} of ${size}`);
  }
}

const made: readonly PrimitiveName[] = ["iota", "full"];
const names = (Object.keys(primitiveCases) as PrimitiveName[]).filter((name) =>
  !made.includes(name)
);

for (const name of names) {
  primitiveCases[name].forEach(({ applications }, i) => {
    test(`vmap: ${name} of a batch is ${name} of each example (${i})`, () => {
      fc.assert(
        fc.property(
          applications as fc.Arbitrary<Application>,
          fc.nat(),
          (application, seed) => checkBatching(name, application, seed),
        ),
        { numRuns: 40 },
      );
    });

    test(`vmap: ${name} of an empty batch is empty (${i})`, () => {
      const check = ({ params, operands }: Application, batched: boolean[]) => {
        const inputs = operands.map(({ shape, range: { dtype } }, k) =>
          zeros(batched[k] ? [0, ...shape] : shape, { dtype })
        );
        const specs = operands.map(({ shape, range: { dtype } }) => ({ shape, dtype }));
        const { shape, dtype } = primitiveOf(name).infer(params as never, ...specs);
        const inAxes = batched.map((is) => is ? 0 : null);
        const result = vmap((...x: Tensor[]) => bind(name, params as never, x), { inAxes })(
          ...inputs,
        );
        assert.equal(formatSpec(result), formatSpec({ shape: [0, ...shape], dtype }));
      };
      const property = fc.property(applications as fc.Arbitrary<Application>, (application) => {
        for (const batched of combinations(application.operands.length)) {
          check(application, batched);
        }
      });
      fc.assert(property, { numRuns: 5 });
    });
  });
}

test("vmap: what is made out of nothing is the same for the whole batch", () => {
  for (const name of made) {
    const params = { shape: [2], dtype: "float64", axis: 0, value: 3 } as never;
    const once = bind(name, params, []);
    const result = vmap((_x: Tensor) => bind(name, params, []))(zeros([3]));
    assertSameBits(result, stack([once, once, once]));
  }
});
