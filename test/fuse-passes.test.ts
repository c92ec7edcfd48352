import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  add,
  arange,
  broadcastTo,
  cast,
  cumSum,
  exp,
  flip,
  gelu,
  layerNorm,
  logSoftmax,
  makeGraph,
  matmul,
  mul,
  neg,
  ones,
  reshape,
  slice,
  softmax,
  sqrt,
  sum,
  tanh,
  type Tensor,
  tensor,
  transpose,
  zeros,
} from "../mod.ts";
import type { Program } from "../src/backend/program.ts";
import { createReachability } from "../src/compiler/fuse-reach.ts";
import {
  checkLoops,
  compileWith,
  loadsOf,
  loopsOf,
  runProgram,
  summaryOf,
} from "./support/fusion.ts";
import { elements } from "./support/run-kernel.ts";

function fused(
  f: (...inputs: Tensor[]) => unknown,
  inputs: Tensor[],
  donated: number[] = [],
): Program {
  const program = compileWith(true, makeGraph(f)(...inputs), new Set(donated));
  checkLoops(program);
  return program;
}

const summary = (f: (...inputs: Tensor[]) => unknown, ...inputs: Tensor[]): string[] =>
  summaryOf(fused(f, inputs));

const x = zeros([4, 6, 8]);
const row = zeros([8]);

test("fuse: a chain with biases and scalars is one pass over one axis where it can be", () => {
  assert.deepEqual(summary((x) => gelu(add(mul(x, 2), 1)), x), ["map 1>1"]);
  const [loop] = loopsOf(fused((x) => gelu(add(mul(x, 2), 1)), [x]));
  assert.deepEqual(loop!.extents, [4 * 6 * 8]);
  const [biased] = loopsOf(fused((x, b) => tanh(add(x, b)), [x, row]));
  assert.deepEqual(biased!.extents, [24, 8]);
  assert.deepEqual(loadsOf(biased!).map(({ strides }) => strides), [[8, 1], [0, 1]]);
});

test("fuse: softmax, its logarithm and layerNorm are three passes or fewer", () => {
  assert.deepEqual(summary((x) => softmax(x), x), ["reduce 1>1", "reduce 2>2", "map 2>1"]);
  assert.equal(summary((x) => logSoftmax(x), x).length, 3);
  const norm = (x: Tensor, scale: Tensor, offset: Tensor) => layerNorm({ scale, offset }, x);
  assert.equal(summary(norm, x, row, row).length, 3);
});

test("fuse: reductions of the same operand share a pass, with what is computed before and after", () => {
  const f = (x: Tensor) => {
    const y = exp(x);
    return [sum(y, { axis: -1 }), sqrt(sum(mul(y, y), { axis: -1 })), y];
  };
  assert.deepEqual(summary(f, x), ["reduce 1>3"]);
});

test("fuse: movement is folded into how values are read", () => {
  const f = (x: Tensor) =>
    add(exp(transpose(x)), flip(slice(x, [0, 0, 0], [4, 6, 8]), 0).mul(0).max());
  assert.equal(summary((x) => exp(transpose(flip(x, 1))), x).length, 1);
  assert.equal(
    summary((x) => tanh(transpose(exp(x))), x).length,
    1,
    "an expensive value that one reads elsewhere",
  );
  assert.equal(summary((x) => tanh(reshape(transpose(x), [8, 24])), x).length, 1);
  assert.equal(summary(f, x).length, 2);
  const [loop] = loopsOf(fused((x) => exp(slice(flip(x, 2), [0, 1, 1])), [x]));
  assert.deepEqual(loadsOf(loop!).map(({ offset, strides }) => [offset, strides]), [[14, [
    48,
    8,
    -1,
  ]]]);
});

test("fuse: floats are summed in the order of the elements, which may need them in memory", () => {
  assert.equal(summary((x) => sum(mul(x, x)), x).length, 1);
  assert.equal(summary((x) => sum(flip(x, 1)), x).length, 2);
  assert.equal(summary((x) => sum(flip(x, 1), { axis: 1 }), x).length, 1);
  assert.equal(summary((x, row) => sum(mul(x, row)), x, row).length, 2);
  assert.equal(summary((x, row) => sum(mul(x, row), { axis: 1 }), x, row).length, 1);
  assert.equal(summary((x) => sum(cast(flip(x, 1), "int32")), x).length, 1);
});

test("fuse: no expensive value is computed twice, cheap ones are", () => {
  const twice = (cheap: (x: Tensor) => Tensor) => (x: Tensor) => {
    const y = cheap(x);
    return matmul(tanh(y), transpose(tanh(flip(y, 0))));
  };
  const square = zeros([8, 8]);
  const applied = (f: (x: Tensor) => unknown, name: string) =>
    loopsOf(fused(f, [square])).flatMap(({ statements }) => statements)
      .filter((each) => each.kind === "apply" && each.op === name).length;
  assert.equal(applied(twice(exp), "exp"), 1);
  assert.equal(applied(twice(neg), "neg"), 2);
});

test("fuse: a value for a row is not computed for every element", () => {
  const f = (x: Tensor, s: Tensor) => mul(x, broadcastTo(mul(s, 2), [4, 6, 8]));
  const program = fused(f, [x, row]);
  assert.deepEqual(summaryOf(program), ["map 1>1", "map 2>1"]);
});

test("fuse: passes do not wait for each other in a circle", () => {
  // z needs y directly and through a kernel that is no loop.
  const f = (x: Tensor) => {
    const y = exp(x);
    return mul(tanh(y), cumSum(y, 0));
  };
  assert.deepEqual(summary(f, zeros([5, 5])), ["map 1>1", "cumSum", "map 2>1"]);
});

test("fuse: work on numbers is gathered into one pass", () => {
  const f = (a: Tensor, b: Tensor, x: Tensor) => [exp(a), sqrt(b), tanh(add(a, b)), mul(x, exp(a))];
  assert.deepEqual(summary(f, tensor(1), tensor(2), zeros([100])), ["map 2>3", "map 2>1"]);
});

test("fuse: a reduction along outer axes leaves the storing to another pass", () => {
  const f = (x: Tensor) => {
    const y = tanh(x);
    return [y, sum(y, { axis: 0 })];
  };
  assert.deepEqual(summary(f, zeros([16, 8])), ["map 1>1", "reduce 1>1"]);
  assert.deepEqual(summary((x) => sum(tanh(x), { axis: 0 }), zeros([16, 8])), ["reduce 1>1"]);
});

test("fuse: a large reduction to few numbers leaves the storing to a pass that threads can share", () => {
  const f = (x: Tensor) => {
    const y = tanh(x);
    return [y, sum(y)];
  };
  assert.equal(summary(f, zeros([1000])).length, 1);
  assert.equal(summary(f, zeros([100_000])).length, 2);
});

test("fuse: iotas are indices, exact in their dtype", () => {
  const f = (x: Tensor) => add(x, reshape(arange(12, { dtype: "float32" }), [3, 4]));
  assert.equal(summary(f, zeros([3, 4])).length, 1);
  const program = fused(
    (x) => add(x, transpose(reshape(arange(12, { dtype: "float32" }), [3, 4]))),
    [
      zeros([4, 3]),
    ],
  );
  assert.deepEqual(runProgram(program, [elements("float32", [4, 3], new Array(12).fill(0))]), [
    [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11],
  ]);
});

test("fuse: loops stay within their limit of statements", () => {
  const f = (x: Tensor) => {
    let y = x;
    for (let i = 0; i < 300; i++) y = tanh(y);
    return y;
  };
  const loops = loopsOf(fused(f, [zeros([10])]));
  assert.ok(loops.length >= 2 && loops.length <= 4);
  assert.ok(loops.every(({ statements }) => statements.length <= 201));
});

test("fuse: bfloat16 is stored and cast, never computed with", () => {
  const f = (x: Tensor) => cast(mul(cast(x, "float32"), 3), "bfloat16");
  const program = fused(f, [zeros([10], { dtype: "bfloat16" })]);
  assert.deepEqual(summaryOf(program), ["map 1>1"]);
});

test("fuse: an output that is a view, a number or an input is one pass of its own", () => {
  const program = fused((x) => [transpose(x), x, ones([3])], [x]);
  assert.deepEqual(summaryOf(program).toSorted(), ["map 0>1", "map 1>1", "map 1>1"]);
  assert.deepEqual(summary((x) => reshape(exp(x), [24, 8]), x), ["map 1>1"]);
});

test("plan: a loop writes over an operand only where it reads it at the same place", () => {
  const square = zeros([8, 8]);
  const place = (program: Program) => program.buffers[program.outputs[0]!.buffer]!.kind;
  assert.equal(place(fused((x) => exp(x), [square], [0])), "input");
  assert.equal(place(fused((x) => exp(transpose(x)), [square], [0])), "fresh");
  assert.equal(place(fused((x) => add(exp(x), transpose(x)), [square], [0])), "fresh");
  assert.equal(place(fused((x) => exp(flip(x, 0)), [square], [0])), "fresh");
});

test("plan: a loop that stores several values gives each a place of its own", () => {
  const f = (x: Tensor, y: Tensor) => [exp(add(x, y)), tanh(add(x, y)), sqrt(add(x, y))];
  const program = fused(f, [zeros([8]), zeros([8])], [0, 1]);
  const kinds = program.outputs.map(({ buffer }) => program.buffers[buffer]!.kind);
  assert.deepEqual(kinds.toSorted(), ["fresh", "input", "input"]);
});

test("plan: what does not wait for a reduction is not stored in the place of what does", () => {
  const f = (x: Tensor, v: Tensor) => {
    const e = exp(v);
    const s = sum(x, { axis: 1 });
    return [s, e, mul(s, e)];
  };
  const graph = makeGraph(f)(zeros([2, 3]), zeros([2]));
  const inputs = [
    elements("float32", [2, 3], [1, 2, 3, 4, 5, 6]),
    elements("float32", [2], [0.5, 1]),
  ];
  const donated = new Set([1]);
  const program = compileWith(true, graph, donated);
  checkLoops(program);
  assert.deepEqual(
    runProgram(program, inputs, donated),
    runProgram(compileWith(false, graph), inputs),
  );
});

test("plan: what reads a donated input comes before the pass that may write over it", () => {
  const f = (p: Tensor) => {
    const y = exp(p);
    const total = cumSum(p, 0);
    return [tanh(y), total];
  };
  const program = fused(f, [zeros([5])], [0]);
  assert.deepEqual(summaryOf(program), ["cumSum", "map 1>1"]);
  assert.equal(program.outputs[0]!.buffer, 0);
});

test("fuse: a reshape that no strides can say is read from memory", () => {
  const f = (x: Tensor) => exp(reshape(transpose(x), [8, 3]));
  const graph = makeGraph(f)(zeros([4, 6]));
  const program = compileWith(true, graph);
  checkLoops(program);
  assert.deepEqual(summaryOf(program), ["map 1>1", "map 1>1"]);
  const inputs = [elements("float32", [4, 6], Array.from({ length: 24 }, (_, i) => i / 8))];
  assert.deepEqual(runProgram(program, inputs), runProgram(compileWith(false, graph), inputs));
});

test("reachability: agrees with a search after every merge", () => {
  const cases = fc.integer({ min: 2, max: 40 }).chain((count) =>
    fc.record({
      count: fc.constant(count),
      edges: fc.array(fc.tuple(fc.nat({ max: count - 2 }), fc.nat({ max: count - 2 })), {
        maxLength: 60,
      }),
      merges: fc.array(fc.tuple(fc.nat({ max: count - 1 }), fc.nat({ max: count - 1 })), {
        maxLength: 20,
      }),
    })
  );
  fc.assert(fc.property(cases, ({ count, edges, merges }) => {
    const upward = edges.map(([a, b]) => [Math.min(a, b), Math.max(a, b) + 1] as const);
    const reach = createReachability(count, upward);
    const homes = Array.from({ length: count }, (_, node) => node);
    const detours = (a: number, b: number): boolean => {
      const next = (node: number) =>
        upward.filter(([from]) => homes[from] === node).map(([, to]) => homes[to]!)
          .filter((to) => to !== node);
      const seen = new Set<number>();
      const visit = (node: number): boolean => {
        if (node === b) return true;
        if (seen.has(node) || node === a) return false;
        seen.add(node);
        return next(node).some(visit);
      };
      return next(a).some((node) => node !== b && visit(node));
    };
    for (const [a, b] of merges) {
      if (homes[a] !== a || homes[b] !== b || a === b) continue;
      assert.equal(reach.detours(a, b), detours(a, b));
      assert.equal(reach.detours(b, a), detours(b, a));
      if (detours(a, b) || detours(b, a)) continue;
      reach.merge(a, b);
      homes.forEach((home, node) => {
        if (home === b) homes[node] = a;
      });
    }
  }));
});
