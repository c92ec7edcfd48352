import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  add,
  broadcastTo,
  exp,
  less,
  makeGraph,
  matmul,
  mul,
  neg,
  reshape,
  sum,
  tanh,
  type Tensor,
  transpose,
  zeros,
} from "../mod.ts";
import type { Program } from "../src/backend/program.ts";
import { plan } from "../src/compiler/plan.ts";
import { simplify } from "../src/compiler/simplify.ts";
import type { Graph } from "../src/graph/graph.ts";
import {
  bytesWithoutReuse,
  simulateProgram,
  unfusedKernels,
} from "./support/program-simulation.ts";
import { randomPrograms, runProgram } from "./support/random-programs.ts";

const simplified = (graph: Graph): Graph => simplify(graph, () => undefined);

/** Plans a function and simulates the plan. */
function planned(
  f: (...inputs: Tensor[]) => unknown,
  inputs: Tensor[],
  donated: number[] = [],
): Program {
  const graph = simplified(makeGraph(f)(...inputs));
  const program = plan(graph, new Set(donated));
  simulateProgram(graph, program, new Set(donated));
  return program;
}

const kinds = (program: Program): string[] =>
  unfusedKernels(program).map(({ output }) => program.buffers[output.buffer]!.kind);

test("plan: random programs read and return whole values, whatever is donated", () => {
  fc.assert(
    fc.property(randomPrograms, fc.nat({ max: 7 }), ({ program, inputs }, bits) => {
      const graph = makeGraph((...inputs: Tensor[]) => runProgram(program, inputs))(...inputs);
      const donated = new Set(inputs.flatMap((_, i) => (bits >> i) % 2 === 1 ? [i] : []));
      for (const candidate of [graph, simplified(graph)]) {
        simulateProgram(candidate, plan(candidate, donated), donated);
      }
    }),
    { numRuns: 1000 },
  );
});

test("plan: the simulation sees a value that is overwritten too early", () => {
  const f = (x: Tensor) => {
    const [a, b] = [transpose(x), transpose(exp(x))];
    return add(matmul(a, b), matmul(b, a));
  };
  const graph = simplified(makeGraph(f)(zeros([4, 4])));
  const program = plan(graph, new Set());
  const first = program.buffers.find((buffer) => buffer.kind === "arena")!;
  const buffers = program.buffers.map((buffer) =>
    buffer.kind === "arena" ? { ...buffer, byteOffset: first.byteOffset } : buffer
  );
  simulateProgram(graph, program, new Set());
  assert.throws(() => simulateProgram(graph, { ...program, buffers }, new Set()));
});

test("plan: a chain of element-wise kernels needs the memory of one value", () => {
  const chain = (x: Tensor) => {
    let y = x;
    for (let i = 0; i < 10; i++) y = tanh(y);
    return y;
  };
  const program = planned(chain, [zeros([64])]);
  assert.equal(program.kernels.length, 10);
  assert.equal(program.arenaBytes, 256);
});

test("plan: a chain that cannot work in place needs the memory of two", () => {
  const chain = (x: Tensor) => {
    let y = x;
    for (let i = 0; i < 10; i++) y = matmul(y, y);
    return y;
  };
  const program = planned(chain, [zeros([8, 8])]);
  assert.equal(program.arenaBytes, 512);
  assert.ok(program.arenaBytes < bytesWithoutReuse(program) / 4);
});

test("plan: what is needed later is not written over", () => {
  const f = (x: Tensor) => {
    const y = exp(x);
    const z = tanh(y);
    return add(mul(z, z), transpose(y));
  };
  const program = planned(f, [zeros([8, 8])]);
  assert.ok(program.arenaBytes >= 512, `${program.arenaBytes}`);
});

test("plan: equal bytes are not enough to work in place", () => {
  // float32[1] and bool[4] are 4 bytes each, but the kernel reads its one element four times.
  const f = (x: Tensor, y: Tensor) => {
    const one = exp(x);
    return broadcastTo(less(one, y), [2, 4]);
  };
  const program = planned(f, [zeros([1]), zeros([4])]);
  const [first, second] = unfusedKernels(program);
  assert.equal(second!.op, "less");
  assert.notEqual(first!.output.buffer, second!.output.buffer);
});

test("plan: equal numbers of elements are not enough to work in place", () => {
  const program = planned((x: Tensor) => broadcastTo(less(exp(x), 0), [2, 16]), [zeros([16])]);
  const [first, second] = unfusedKernels(program);
  assert.notEqual(first!.output.buffer, second!.output.buffer);
});

test("plan: a reshape moves nothing, and keeps what it shows alive", () => {
  const f = (x: Tensor) => {
    const flat = reshape(exp(x), [4]);
    const other = exp(tanh(x));
    return add(sum(mul(flat, flat)), sum(other));
  };
  const program = planned(f, [zeros([2, 2])]);
  assert.ok(program.kernels.every(({ op }) => op !== "reshape"));
});

test("plan: outputs take over donated inputs of their size", () => {
  const step = (w: Tensor, g: Tensor) => add(w, neg(g));
  const program = planned(step, [zeros([8]), zeros([8])], [0]);
  assert.deepEqual(kinds(program), ["arena", "input"]);
  assert.equal(program.outputs[0]!.buffer, 0);
  assert.deepEqual(kinds(planned(step, [zeros([8]), zeros([8])])), ["arena", "fresh"]);
});

test("plan: a donated input that is read later is not taken over", () => {
  const f = (w: Tensor) => [exp(w), matmul(w, w)];
  const program = planned(f, [zeros([4, 4])], [0]);
  assert.deepEqual(kinds(program), ["fresh", "fresh"]);
});

test("plan: a kernel that is not element-wise does not write over what it reads", () => {
  assert.deepEqual(kinds(planned((w: Tensor) => transpose(w), [zeros([4, 4])], [0])), ["fresh"]);
  assert.deepEqual(kinds(planned((w: Tensor) => matmul(w, w), [zeros([4, 4])], [0])), ["fresh"]);
});

test("plan: a donated input of another size or another dtype's width is left alone", () => {
  assert.deepEqual(kinds(planned((w: Tensor) => sum(w), [zeros([4])], [0])), ["fresh"]);
  assert.deepEqual(kinds(planned((w: Tensor) => less(w, 0), [zeros([4])], [0])), ["fresh"]);
});

test("plan: donated inputs that change places are copied without loss", () => {
  const program = planned((a: Tensor, b: Tensor) => [b, a], [zeros([4]), zeros([4])], [0, 1]);
  assert.deepEqual(program.outputs.map(({ buffer }) => buffer).toSorted(), [0, 1]);
});

test("plan: outputs that are inputs, views of each other, twice the same, or numbers have memory of their own", () => {
  const f = (x: Tensor) => {
    const y = exp(x);
    return [x, y, y, reshape(y, [2, 2]), reshape(x, [2, 2]), sum(zeros([0]))];
  };
  const program = planned(f, [zeros([4])]);
  assert.equal(new Set(program.outputs.map(({ buffer }) => buffer)).size, 6);
});

test("plan: a training step finds its state where it was, whatever comes before it in the results", () => {
  const step = (w: Tensor, m: Tensor, g: Tensor) => {
    const next = add(mul(m, 0.5), g);
    return [sum(mul(g, g)), add(w, neg(next)), next];
  };
  const program = planned(step, [zeros([8]), zeros([8]), zeros([8])], [0, 1]);
  assert.deepEqual(program.outputs.slice(1).map(({ buffer }) => buffer), [0, 1]);
});
