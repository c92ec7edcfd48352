import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Block, createArena } from "../src/compiler/arena.ts";

/** Sizes to acquire, and picks of blocks to release. */
const requests = fc.array(
  fc.oneof(
    fc.record({ acquire: fc.integer({ min: 0, max: 1000 }) }),
    fc.record({ release: fc.nat() }),
  ),
  { maxLength: 60 },
);

function play(steps: readonly ({ acquire: number } | { release: number })[]) {
  const arena = createArena();
  const held: Block[] = [];
  for (const step of steps) {
    if ("acquire" in step) {
      const block = arena.acquire(step.acquire);
      const apart = held.every((other) =>
        block.byteOffset + Math.max(1, block.byteLength) <= other.byteOffset ||
        other.byteOffset + Math.max(1, other.byteLength) <= block.byteOffset
      );
      assert.ok(apart, "two blocks overlap");
      assert.equal(block.byteLength, step.acquire);
      assert.equal(block.byteOffset % 64, 0, "a block is not aligned");
      assert.ok(block.byteOffset + block.byteLength <= arena.byteLength());
      held.push(block);
    } else if (held.length > 0) {
      arena.release(held.splice(step.release % held.length, 1)[0]!);
    }
  }
  return { arena, held };
}

test("arena: blocks that are held do not overlap", () => {
  fc.assert(fc.property(requests, (steps) => void play(steps)), { numRuns: 300 });
});

test("arena: free neighbours merge, so that all of a free arena is one piece", () => {
  fc.assert(
    fc.property(requests, fc.nat(), (steps, seed) => {
      const { arena, held } = play(steps);
      const order = held.map((block, i) => ({ block, key: (seed * (i + 1) * 7919) % 1009 }))
        .sort((a, b) => a.key - b.key);
      for (const { block } of order) arena.release(block);
      const all = arena.byteLength();
      if (all === 0) return;
      assert.equal(arena.acquire(all).byteOffset, 0);
      assert.equal(arena.byteLength(), all);
    }),
    { numRuns: 300 },
  );
});

test("arena: the smallest piece that fits is taken", () => {
  const arena = createArena();
  const [large, , small] = [640, 64, 128, 64].map((size) => arena.acquire(size));
  arena.release(large!);
  arena.release(small!);
  assert.equal(arena.acquire(100).byteOffset, small!.byteOffset);
  assert.equal(arena.acquire(640).byteOffset, large!.byteOffset);
});

test("arena: it grows from its last free piece", () => {
  const arena = createArena();
  const first = arena.acquire(64);
  const last = arena.acquire(64);
  arena.release(last);
  assert.equal(arena.acquire(256).byteOffset, last.byteOffset);
  assert.equal(arena.byteLength(), 320);
  arena.release(first);
});
