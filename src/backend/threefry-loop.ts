import type { Loop, Statement } from "./loop.ts";
import type { Kernel, KernelOperand } from "./program.ts";
import { stridesOf } from "../core/shape.ts";
import type { ElementwiseName } from "../graph/instruction-set.ts";

const rotations: readonly number[] = [13, 15, 26, 6, 17, 29, 16, 24];
const dtype = "uint32";

/** Threefry-2x32 with 20 rounds as a loop nest over pairs: two operands of pairs that broadcast. */
export function threefryLoop({ operands, output }: Kernel<"threefry2x32">): Loop {
  const statements: Statement[] = [];
  const push = (statement: Statement): number => statements.push(statement) - 1;
  const literal = (value: number): number => push({ kind: "literal", value, dtype });
  const apply = (op: ElementwiseName, ...args: number[]): number =>
    push({ kind: "apply", op, params: {}, args, dtype });
  const pairs = output.spec.shape.slice(0, -1);

  /** Word 0 or 1 of the pairs of an operand. */
  const word = (operand: KernelOperand, which: number): number => {
    if ("literal" in operand) return literal(operand.literal);
    const { shape } = operand.spec;
    const own = stridesOf(shape).map((stride, axis) => shape[axis] === 1 ? 0 : stride);
    const missing = new Array<number>(pairs.length + 1 - shape.length).fill(0);
    const strides = [...missing, ...own.slice(0, -1)];
    const access = { buffer: operand.buffer, dtype, offset: which, strides } as const;
    return push({ kind: "load", access, dtype });
  };
  const rotate = (x: number, by: number): number =>
    apply(
      "or",
      apply("shiftLeft", x, literal(by)),
      apply("shiftRight", x, literal(32 - by)),
    );

  const [key, counter] = operands as [KernelOperand, KernelOperand];
  const [k0, k1] = [word(key, 0), word(key, 1)];
  const k2 = apply("xor", apply("xor", k0, k1), literal(0x1bd11bda));
  const schedule = [k0, k1, k2];
  let x0 = apply("add", word(counter, 0), k0);
  let x1 = apply("add", word(counter, 1), k1);
  for (let group = 1; group <= 5; group++) {
    for (let round = 0; round < 4; round++) {
      x0 = apply("add", x0, x1);
      x1 = apply("xor", rotate(x1, rotations[(group % 2 === 1 ? 0 : 4) + round]!), x0);
    }
    x0 = apply("add", x0, schedule[group % 3]!);
    x1 = apply("add", apply("add", x1, schedule[(group + 1) % 3]!), literal(group));
  }
  const strides = stridesOf(output.spec.shape).slice(0, -1);
  const store = (statement: number, offset: number) => ({
    statement,
    access: { buffer: output.buffer, dtype, offset, strides } as const,
  });
  return { extents: pairs, reduced: 0, statements, stores: [store(x0, 0), store(x1, 1)] };
}
