import type { Kernel } from "../../src/backend/program.ts";
import { prepareBinary, type RowLoop } from "./binary.ts";
import type { Run } from "./run.ts";

const rotations: readonly number[] = [13, 15, 26, 6, 17, 29, 16, 24];

/**
 * Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011) of n
 * pairs of words; all positions and steps count pairs.
 */
const threefry: RowLoop = (o, oi, key, ki, ks, counter, ci, cs, n) => {
  for (let i = 0; i < n; i++, ki += ks, ci += cs) {
    const k0 = key[2 * ki]! | 0;
    const k1 = key[2 * ki + 1]! | 0;
    const schedule = [k0, k1, k0 ^ k1 ^ 0x1bd11bda];
    let x0 = (counter[2 * ci]! + k0) | 0;
    let x1 = (counter[2 * ci + 1]! + k1) | 0;
    for (let group = 1; group <= 5; group++) {
      for (let round = 0; round < 4; round++) {
        const by = rotations[(group % 2 === 1 ? 0 : 4) + round]!;
        x0 = (x0 + x1) | 0;
        x1 = ((x1 << by) | (x1 >>> (32 - by))) ^ x0;
      }
      x0 = (x0 + schedule[group % 3]!) | 0;
      x1 = (x1 + schedule[(group + 1) % 3]! + group) | 0;
    }
    o[2 * (oi + i)] = x0;
    o[2 * (oi + i) + 1] = x1;
  }
};

/** Makes `threefry2x32` ready: two operands of pairs that broadcast. */
export function prepareThreefry({ operands, output }: Kernel<"threefry2x32">): Run {
  const pairs = (shape: readonly number[]) => shape.slice(0, -1);
  const [key, counter] = operands.map(({ spec }) => pairs(spec.shape)) as [number[], number[]];
  return prepareBinary(threefry, pairs(output.spec.shape), key, counter);
}
