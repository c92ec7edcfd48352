import assert from "node:assert/strict";
import { test } from "node:test";
import {
  add,
  conv2d,
  makeGraph,
  matmul,
  mean,
  mul,
  sum,
  type Tensor,
  transpose,
  zeros,
} from "../mod.ts";
import { programStatistics } from "../src/compiler/statistics.ts";
import { compileWith } from "./support/fusion.ts";

function statistics(fuse: boolean, f: (...inputs: Tensor[]) => unknown, ...inputs: Tensor[]) {
  return programStatistics(compileWith(fuse, makeGraph(f)(...inputs)));
}

const [x, row] = [zeros([10, 20]), zeros([20])];

test("statistics: every instruction alone reads and writes its values", () => {
  const f = (x: Tensor, row: Tensor) => sum(mul(add(x, row), 2));
  assert.deepEqual(statistics(false, f, x, row), {
    kernels: 3,
    loops: 0,
    bytesRead: (200 + 20 + 200 + 200) * 4,
    bytesWritten: (200 + 200 + 1) * 4,
    flops: 3 * 200,
    arenaBytes: 832,
  });
});

test("statistics: a loop reads what repeats once, and computes what follows a reduction once", () => {
  const f = (x: Tensor, row: Tensor) => mean(mul(add(x, row), 2), { axis: 1 });
  assert.deepEqual(statistics(true, f, x, row), {
    kernels: 1,
    loops: 1,
    bytesRead: 220 * 4,
    bytesWritten: 10 * 4,
    flops: 3 * 200 + 10,
    arenaBytes: 0,
  });
});

test("statistics: a product counts a multiplication and an addition for each term", () => {
  const f = (a: Tensor) => matmul(a, transpose(a));
  const { flops, bytesRead, bytesWritten } = statistics(true, f, x);
  assert.deepEqual([flops, bytesRead, bytesWritten], [2 * 10 * 20 * 10, 800, 400]);
});

test("statistics: a convolution counts them for each element of the window", () => {
  const inputs = [zeros([2, 8, 8, 4]), zeros([3, 2, 4, 5])];
  const { flops } = statistics(true, (x: Tensor, w: Tensor) => conv2d(x, w), ...inputs);
  assert.equal(flops, 2 * (2 * 6 * 7 * 5) * (3 * 2 * 4));
});

test("statistics: an empty program does nothing", () => {
  const { bytesRead, bytesWritten, flops } = statistics(true, (x: Tensor) => add(x, 1), zeros([0]));
  assert.deepEqual([bytesRead, bytesWritten, flops], [0, 0, 0]);
});
