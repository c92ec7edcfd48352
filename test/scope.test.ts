import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import {
  add,
  exp,
  FreedError,
  grad,
  jit,
  memoryStatistics,
  mul,
  scope,
  SoftstepError,
  sum,
  type Tensor,
  tensor,
  TreeError,
  vmap,
  zeros,
} from "../mod.ts";
import { registerDevice } from "../src/backend/registry.ts";
import { asynchronousBackend } from "./support/asynchronous-backend.ts";

let devices = 0;

/** A device of its own, that counts buffers. */
function counted() {
  const device = `scope ${devices++}`;
  const { backend, counts } = asynchronousBackend();
  registerDevice(device, () => backend);
  return { device, counts };
}

/** Fails unless reading the tensor throws a FreedError that says what to do. */
async function assertFreed(x: Tensor): Promise<void> {
  await assert.rejects(x.data(), (error: Error) => {
    assert.ok(error instanceof FreedError, String(error));
    assert.match(error.message, /^data: .*scope.*return it from the function/);
    return true;
  });
  assert.throws(() => add(x, 1), FreedError);
  assert.match(String(x), /freed by scope/);
}

test("scope: frees what is not returned, and keeps what is and what was there", async () => {
  const { device, counts } = counted();
  const outside = tensor([1, 2], { device });
  let inside: Tensor[] = [];
  const { kept, ...rest } = scope(() => {
    const square = mul(outside, outside);
    inside = [square, add(square, 1), zeros([3], { device })];
    return { kept: [sum(square), outside, null] as const, text: "as it is" };
  });
  assert.deepEqual(rest, { text: "as it is" });
  assert.equal(await kept[0].number(), 5);
  assert.deepEqual(await outside.array(), [1, 2]);
  for (const x of inside) await assertFreed(x);
  // outside, the sum; the number 1 was uploaded and is gone too.
  assert.equal(counts.alive.size, 2);
  assert.equal(counts.freed, 4);
});

test("scope: on a device without free tensors are gone just the same", async () => {
  let inside: Tensor | undefined;
  assert.equal(scope(() => sum(inside = tensor([1, 2]))).item(), 3);
  await assertFreed(inside!);
  assert.throws(() => inside!.dataSync(), FreedError);
  assert.throws(() => inside!.item(), SoftstepError);
});

test("scope: numbers stay readable, their uploads do not stay", async () => {
  const { device, counts } = counted();
  const [one, x] = [tensor(1, { device }), tensor([1], { device })];
  const two = scope(() => {
    const two = tensor(2, { device });
    exp(two);
    add(x, one);
    return two;
  });
  assert.equal(await one.number(), 1);
  assert.equal(await two.number(), 2);
  assert.equal(counts.alive.size, 3);
});

test("scope: scopes nest: what the inner one returns belongs to the outer one", async () => {
  const { device, counts } = counted();
  let middle: Tensor | undefined;
  const result = scope(() => {
    const x = tensor([1], { device });
    middle = scope(() => add(exp(x), x));
    assert.equal(counts.alive.size, 2);
    return mul(middle, 2);
  });
  assert.equal(counts.alive.size, 1);
  await assertFreed(middle!);
  assert.ok(Math.abs(await result.number() - 2 * (Math.E + 1)) < 1e-5);
});

test("scope: an error frees everything and is passed on", () => {
  const { device, counts } = counted();
  const mistake = new Error("mistake");
  assert.throws(() =>
    scope(() => {
      exp(tensor([1], { device }));
      throw mistake;
    }), mistake);
  assert.equal(counts.alive.size, 0);
  const circle: unknown[] = [];
  circle.push(circle, tensor([1], { device }));
  assert.throws(() => scope(() => (exp(circle[1] as Tensor), circle)), TreeError);
  assert.equal(counts.alive.size, 1);
  // And scopes are closed: this is nobody's.
  exp(circle[1] as Tensor);
  assert.equal(counts.alive.size, 2);
});

test("scope: an async function's scope ends with its promise", async () => {
  const { device, counts } = counted();
  const result = await scope(async () => {
    const x = tensor([1, 2], { device });
    const [first] = await x.data();
    const nested = await scope(async () => {
      await x.data();
      return add(x, first!);
    });
    return exp(sum(nested));
  });
  assert.equal(counts.alive.size, 1);
  assert.ok(Math.abs(await result.number() - Math.exp(5)) < 1e-3);
  await assert.rejects(
    scope(async () => {
      const x = tensor([1], { device });
      await x.data();
      throw new Error("late");
    }),
    /late/,
  );
  assert.equal(counts.alive.size, 1);
  // What is asked for inside arrives, though the memory is gone by then.
  assert.deepEqual([...(await scope(() => tensor([7], { device }).data()))], [7]);
});

test("scope: async scopes side by side are refused, and leave no scope open", async () => {
  const { device, counts } = counted();
  const gates: (() => void)[] = [];
  const gate = () => new Promise<void>((resolve) => gates.push(resolve));
  const first = scope(async () => {
    await gate();
    return tensor([1], { device });
  });
  const second = scope(async () => {
    await gate();
    return tensor([2], { device });
  });
  gates[0]!();
  await assert.rejects(first, (error: Error) => {
    assert.ok(error instanceof SoftstepError);
    assert.match(error.message, /one that began later is still open/);
    return true;
  });
  gates[1]!();
  assert.deepEqual(await (await second).array(), [2]);
  counts.alive.clear();
  const kept = exp(tensor([1], { device }));
  scope(() => void exp(kept));
  assert.equal(counts.alive.size, 2);
});

test("scope: donated memory is freed once, by whom it went to", async () => {
  const { device, counts } = counted();
  const step = jit((w: Tensor) => mul(w, 2), { donate: [0] });
  const w = tensor([1, 2], { device });
  scope(() => void step(w));
  assert.equal(counts.alive.size, 0);
  const result = scope(() => step(step(tensor([1, 2], { device }))));
  assert.deepEqual(await result.array(), [4, 8]);
  assert.equal(counts.alive.size, 1);
  // A number donates an upload of its own, which the result takes over.
  const four = scope(() => step(tensor(2, { device })));
  assert.equal(await four.number(), 4);
  assert.equal(counts.alive.size, 2);
});

test("scope: a loop that never waits reuses the heap of the CPU", (t) => {
  const before = memoryStatistics("cpu");
  if (before === undefined) return t.skip("the CPU device has no heap here: no WebAssembly SIMD");
  const x = zeros([2 ** 20], { device: "cpu" });
  const tensors = () => memoryStatistics("cpu")!.tensors;
  const held = tensors();
  const kept = scope(() => add(x, 1));
  const withOne = tensors();
  assert.ok(withOne > held, "the result is not in the heap");
  // Far more than the budget.
  for (let i = 0; i < 200; i++) {
    scope(() => void add(x, i));
    assert.equal(tensors(), withOne);
  }
  assert.equal(sum(kept).item(), 2 ** 20);
});

test("scope: a graph keeps what it was traced with", async () => {
  for (const { device } of [counted(), { device: "cpu" }]) {
    for (const place of [{}, { device }]) {
      const f = jit((x: Tensor) => add(x, tensor([1, 2], place)));
      const first = scope(() => f(zeros([2], { device })));
      const second = scope(() => f(first));
      assert.deepEqual(await second.array(), [2, 4]);
    }
  }
});

test("scope: inside transformations nothing is freed that they need", async () => {
  const { device } = counted();
  const loss = (x: Tensor) => sum(scope(() => exp(mul(x, x))));
  const x = tensor([0, 1], { device });
  const expected = [0, 2 * Math.E];
  for (const f of [grad(loss), jit(grad(loss)), (x: Tensor) => scope(() => grad(loss)(x))]) {
    const [a, b] = await f(x).array() as number[];
    assert.ok(Math.abs(a! - expected[0]!) < 1e-6 && Math.abs(b! - expected[1]!) < 1e-5);
  }
  const rows = vmap((row: Tensor) => scope(() => add(exp(row), 1)))(zeros([2, 1], { device }));
  assert.deepEqual(await rows.array(), [[2], [2]]);
});

test("scope: whatever is nested how, exactly what is returned stays alive", () => {
  // A program: a number makes a tensor from the last one, a list is a scope that returns some of what it made.
  const { program } = fc.letrec<{ program: unknown[]; item: unknown }>((tie) => ({
    program: fc.array(tie("item"), { maxLength: 5 }) as fc.Arbitrary<unknown[]>,
    item: fc.oneof({ maxDepth: 4 }, fc.nat(3), tie("program")),
  }));
  fc.assert(
    fc.property(program, fc.nat(2), (program, every) => {
      const { device, counts } = counted();
      let made = 0;
      const run = (items: readonly unknown[]): Tensor[] => {
        const tensors: Tensor[] = [];
        for (const item of items) {
          if (Array.isArray(item)) tensors.push(...scope(() => run(item)));
          else tensors.push(exp(tensor([made++], { device })));
        }
        return tensors.filter((_, i) => i % (every + 1) === 0);
      };
      const kept = scope(() => run(program));
      assert.equal(counts.alive.size, kept.length);
      for (const x of kept) assert.doesNotThrow(() => exp(x));
    }),
    { numRuns: 50 },
  );
});
