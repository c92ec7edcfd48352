import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkLoops, compileWith, runProgram } from "./support/fusion.ts";
import { graphCases } from "./support/random-graphs.ts";

test("fuse: random graphs give the same bits fused and not, whatever is donated", () => {
  fc.assert(
    fc.property(
      graphCases(40),
      ({ graph, inputs, donated }) => {
        const fused = compileWith(true, graph, donated);
        checkLoops(fused);
        const expected = runProgram(compileWith(false, graph), inputs);
        assert.deepEqual(runProgram(fused, inputs, donated), expected, `${graph}`);
      },
    ),
    { numRuns: 800 },
  );
});
