/** One whole update in place: direction, weight decay, learning rate, apply. */
import {
  adamw,
  applyUpdates,
  type GradientTransformation,
  jit,
  s3,
  sgd,
  type StateKind,
  type StateOf,
  type Tensor,
  tensor,
} from "../../mod.ts";
import type { Case, Level, Numbers, Prepared, Size } from "../case.ts";
import { uniform } from "../inputs.ts";
import { meanChange } from "../measure.ts";

const counts: [number, Level][] = [[1e5, 0], [1e6, 1], [1e7, 1], [5e7, 2], [1e8, 3]];
const SIZES: Size[] = counts.flatMap(
  ([elements, level]) =>
    [1, 200].map((tensors) => ({
      label: `${elements.toExponential().replace("+", "")} in ${tensors}`,
      level,
      numbers: { elements, tensors },
    })),
);

const options = { learningRate: 1e-3, weightDecay: 0.01 };

export const optimizerSteps: Case[] = [
  optimizerCase("s3", "S3 step", s3(options)),
  optimizerCase("adamw", "AdamW step", adamw(options)),
  optimizerCase("sgd", "SGD step, momentum", sgd({ learningRate: 1e-3, momentum: 0.9 })),
];

function optimizerCase<Kind extends StateKind>(
  name: string,
  title: string,
  optimizer: GradientTransformation<Kind>,
): Case {
  return {
    name,
    title,
    sizes: SIZES,
    measure: {
      label: "ns/parameter",
      of: ({ elements }, nanoseconds) => nanoseconds / elements!,
    },
    prepare: (numbers, device) => prepare(optimizer, numbers, device),
  };
}

async function prepare<Kind extends StateKind>(
  optimizer: GradientTransformation<Kind>,
  { elements, tensors }: Numbers,
  device: string,
): Promise<Prepared> {
  const size = elements! / tensors!;
  const list = (seed: number) =>
    Array.from({ length: tensors! }, (_, i) => tensor(uniform(seed + i, size), { device }));
  const gradients = list(1);
  let params = list(1001);
  let state = optimizer.init(params);
  const step = jit((p: Tensor[], s: StateOf<Kind, Tensor[]>, g: Tensor[]) => {
    const [updates, next] = optimizer.update(g, s, p);
    return [applyUpdates(p, updates), next] as const;
  }, { donate: [0, 1] });
  const run = () => {
    [params, state] = step(params, state, gradients);
  };
  const before = await params[0]!.data();
  run();
  return { step: run, check: meanChange(before, await params[0]!.data()) };
}
