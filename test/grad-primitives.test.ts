import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { grad, jvp, sum, type Tensor } from "../mod.ts";
import { isFloating } from "../src/core/dtype.ts";
import type { PrimitiveName } from "../src/graph/instruction-set.ts";
import { cast } from "../src/primitives/mod.ts";
import { bind } from "../src/tracing/bind.ts";
import { primitiveOf } from "../src/tracing/primitive.ts";
import { checkDerivatives } from "./support/derivatives.ts";
import {
  type Application,
  drawOperand,
  namesOfInstructionSet,
  primitiveCases,
} from "./support/primitive-cases.ts";
import { elementsOf, uniformTensor } from "./support/tensors.ts";

const names = Object.keys(primitiveCases) as PrimitiveName[];

/** The primitive as a function of those floating operands that `chosen` picks. */
function partial(
  name: PrimitiveName,
  { params, operands }: Application,
  seed: number,
  chosen: number,
) {
  const all = operands.map((operand, i) => drawOperand(operand, seed + 1000 * i));
  const floating = all.flatMap((x, i) => isFloating(x.dtype) ? [i] : []);
  const one = floating.filter((_, k) => k === chosen);
  const active = one.length > 0 ? one : floating;
  const f = (...inputs: Tensor[]): Tensor => {
    const given = [...all];
    active.forEach((position, k) => given[position] = inputs[k]!);
    return bind(name, params as never, given);
  };
  return { f, inputs: active.map((position) => all[position]!) };
}

test("derivatives: every primitive of the instruction set has cases, and a record", () => {
  assert.deepEqual(names.toSorted(), namesOfInstructionSet().toSorted());
  for (const name of names) {
    const { jvp, vjp } = primitiveOf(name);
    assert.equal(jvp === undefined, vjp === undefined, `${name} has one derivative rule only`);
    const differentiable = primitiveCases[name].some(({ derivative }) => derivative === "smooth");
    if (differentiable) assert.ok(jvp, `${name} has no derivative rules`);
  }
});

for (const name of names) {
  for (const { derivative, applications } of primitiveCases[name]) {
    if (derivative === "none") continue;
    test(`derivatives: ${name} is ${derivative}`, () => {
      fc.assert(
        fc.property(applications, fc.nat(), fc.nat({ max: 3 }), (application, seed, chosen) => {
          const { f, inputs } = partial(name, application as Application, seed, chosen);
          if (derivative !== "zero") {
            checkDerivatives(f, inputs, seed, { secondOrder: derivative === "smooth" });
            return;
          }
          const tangents = inputs.map((x) => uniformTensor(x.shape, seed));
          const [, tangent] = jvp(f, inputs, tangents);
          assert.ok(elementsOf(tangent).every((value) => value === 0));
          const gradient = grad((x: Tensor) => sum(f(x)))(inputs[0]!);
          assert.ok(elementsOf(gradient).every((value) => value === 0));
        }),
        { numRuns: 60 },
      );
    });
  }
}

test("derivatives: what has no floating result carries none, and says nothing", () => {
  for (const name of ["isFinite", "less", "lessEqual", "equal", "argMax"] as const) {
    const params = name === "argMax" ? { axis: 0 } : {};
    const x = uniformTensor([3], 1);
    const operands = (x: Tensor) => name === "isFinite" || name === "argMax" ? [x] : [x, x];
    const f = (x: Tensor) => sum(cast(bind(name, params as never, operands(x)), "float64"));
    assert.deepEqual(grad(f)(x).toArray(), [0, 0, 0], name);
    assert.equal(jvp(f, [x], [x])[1].item(), 0, name);
  }
});
