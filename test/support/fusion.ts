import assert from "node:assert/strict";
import { referenceBackend } from "../../backends/reference/mod.ts";
import { type Access, argumentsOf, lateOf, type Loop, sweepsOf } from "../../src/backend/loop.ts";
import type { FusedKernel, Program } from "../../src/backend/program.ts";
import { compile } from "../../src/compiler/compile.ts";
import type { Target } from "../../src/compiler/target.ts";
import { bytesPerElement, type DType } from "../../src/core/dtype.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { type Elements, fromArray, toArray } from "./run-kernel.ts";

const backend = referenceBackend();

/** Compiles a graph for the reference backend. */
export function compileWith(
  fuses: boolean,
  graph: Graph,
  donated: ReadonlySet<number> = new Set(),
  limits: Omit<Target, "fuses"> = {},
): Program {
  const target = { fuses, ...limits };
  return compile(graph, { donated, evaluate: () => undefined, target }).program;
}

/** Runs a program, and sees that inputs that are not donated stay as they are. */
export function runProgram(
  program: Program,
  inputs: readonly Elements[],
  donated: ReadonlySet<number> = new Set(),
): number[][] {
  const buffers = inputs.map((input) => backend.upload(toArray(input)));
  const results = backend.compile(program).run(buffers);
  const outputs = results.map((buffer, i) => {
    const { dtype } = program.outputs[i]!.spec;
    return fromArray(dtype, backend.downloadSync!(buffer, dtype));
  });
  inputs.forEach((input, i) => {
    if (donated.has(i)) return;
    const array = backend.downloadSync!(buffers[i]!, input.dtype);
    assert.deepEqual(
      fromArray(input.dtype, array),
      fromArray(input.dtype, toArray(input)),
      `input ${i} changed`,
    );
  });
  return outputs;
}

/** The loops of a program. */
export function loopsOf(program: Program): Loop[] {
  return program.kernels.filter((kernel): kernel is FusedKernel => kernel.op === "loop").map((
    { loop },
  ) => loop);
}

/** What a loop loads. */
export function loadsOf(loop: Loop): Access[] {
  return loop.statements.flatMap((each) => each.kind === "load" ? [each.access] : []);
}

/** Fails where a loop breaks the rules of `Loop`, or of memory. */
export function checkLoops(
  program: Program,
  elementBytes: (dtype: DType) => number = bytesPerElement,
): void {
  const range = (buffer: number): [string, number, number] => {
    const plan = program.buffers[buffer]!;
    return plan.kind === "arena"
      ? ["arena", plan.byteOffset, plan.byteOffset + plan.byteLength]
      : [`${buffer}`, 0, plan.byteLength];
  };
  const overlap = (a: number, b: number): boolean => {
    const [[spaceA, fromA, toA], [spaceB, fromB, toB]] = [range(a), range(b)];
    return spaceA === spaceB && fromA < toB && fromB < toA;
  };
  for (const loop of loopsOf(program)) {
    const { extents, reduced, statements, stores } = loop;
    const accesses = [
      ...statements.flatMap((each) => each.kind === "load" ? [each.access] : []),
      ...stores.map(({ access }) => access),
    ];
    for (const { buffer, dtype, offset, strides } of accesses) {
      assert.equal(strides.length, extents.length, "a stride for each axis");
      if (extents.includes(0)) continue;
      const reach = (sign: number) =>
        strides.reduce(
          (sum, stride, axis) => sum + (stride * sign > 0 ? stride * (extents[axis]! - 1) : 0),
          offset,
        );
      const last = program.buffers[buffer]!.byteLength / elementBytes(dtype) - 1;
      assert.ok(reach(-1) >= 0 && reach(1) <= last, "an access within its buffer");
    }
    const isLate = lateOf(loop);
    const sweeps = sweepsOf(loop);
    assert.ok(
      [0, ...loop.sweeps ?? []].every((first, sweep) => sweeps.indexOf(sweep) === first),
      "sweeps ascend, and none is empty",
    );
    statements.forEach((statement, i) => {
      for (const arg of argumentsOf(statement)) {
        assert.ok(arg < i, "arguments come before their use");
        const isNumber = isLate[arg] || statements[arg]!.kind === "literal";
        assert.ok(sweeps[arg] === sweeps[i] || isNumber, "a point of an earlier sweep");
      }
      if (statement.kind === "reduce") {
        const isReduced = isLate[statement.arg] && sweeps[statement.arg] === sweeps[i];
        assert.ok(!isReduced, "no reduction of a reduction");
        assert.ok(reduced > 0, "a reduction needs a reduced axis");
      }
    });
    assert.ok(stores.length > 0, "a loop that stores nothing");
    stores.forEach(({ statement, access }, i) => {
      const inner = access.strides.slice(extents.length - reduced);
      assert.ok(
        !isLate[statement] || inner.every((stride) => stride === 0),
        "a reduced value is stored once",
      );
      stores.forEach((other, j) => {
        if (i === j || !overlap(access.buffer, other.access.buffer)) return;
        const inTurn = sweeps[statement] !== sweeps[other.statement] &&
          access.buffer === other.access.buffer;
        assert.ok(inTurn, "two results in one place");
      });
      for (const each of statements) {
        if (each.kind !== "load" || !overlap(access.buffer, each.access.buffer)) continue;
        const { access: load } = each;
        assert.equal(access.buffer, load.buffer, "a result over a part of an operand");
        assert.deepEqual([load.offset, load.strides], [access.offset, access.strides], "in place");
        assert.equal(elementBytes(load.dtype), elementBytes(access.dtype));
      }
    });
  }
}

/** What a program does, a word a kernel: "map 2>1" loads 2 values and stores 1, "reduce" combines, "dot" is itself. */
export function summaryOf(program: Program): string[] {
  return program.kernels.map((kernel) => {
    if (kernel.op !== "loop") return kernel.op;
    const { loop } = kernel;
    const kind = loop.statements.some((each) => each.kind === "reduce") ? "reduce" : "map";
    return `${kind} ${loadsOf(loop).length}>${loop.stores.length}`;
  });
}
