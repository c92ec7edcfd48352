import { test } from "node:test";
import fc from "fast-check";
import {
  assertSpecial,
  choices,
  comparedSums,
  type Expression,
  regrouped,
  specialGraphs,
  specialProgram,
} from "./special-graphs.ts";
import type { ProgramCase } from "./gpu-backend.ts";

/** What tests NaN, infinities, and what rounds away. */
export interface SpecialValues {
  /** What is tested. */
  readonly name: string;
  readonly skip: string | false;
  /** The first result of each program. */
  readonly run: (programs: readonly ProgramCase[]) => Promise<readonly (readonly number[])[]>;
  /** Of random graphs, forty at a time. */
  readonly numRuns: number;
}

/** Tests that they are not as compilers of drivers would have it. */
export function testSpecialValues({ name, skip, run, numRuns }: SpecialValues): void {
  async function check(graphs: readonly Expression[]): Promise<void> {
    const results = await run(graphs.map(specialProgram));
    graphs.forEach((graph, i) => assertSpecial(graph, results[i]!));
  }

  test(`${name}: a sum is compared as it was rounded`, { skip }, () => check(comparedSums));

  test(`${name}: no choice loses NaN`, { skip }, () => check(choices));

  test(`${name}: products and sums are not regrouped`, { skip }, () => check(regrouped));

  test(`${name}: small graphs are right on special values`, { skip }, async () => {
    const graphs = fc.array(specialGraphs, { minLength: 40, maxLength: 40 });
    await fc.assert(fc.asyncProperty(graphs, check), { numRuns });
  });
}
