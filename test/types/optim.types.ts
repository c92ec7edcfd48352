// What TypeScript knows about gradient transformations in a user's program.
import {
  adam,
  type AdamState,
  adamw,
  addDecayedWeights,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  type CountState,
  grad,
  jit,
  s3,
  type S3State,
  scale,
  scaleByLearningRate,
  scaleByS3,
  sgd,
  signSgd,
  sum,
  type Tensor,
  trace,
} from "../../mod.ts";
import type { Equal, Expect, ExpectNot, IsAny } from "./expect.ts";

type Params = { layers: { w: Tensor; b: Tensor }[]; head: [Tensor, Tensor] };
declare const params: Params;
declare const gradients: Params;
declare const loss: (params: Params, batch: Tensor) => Tensor;
declare const batch: Tensor;
declare const rateOf: (count: Tensor | number) => Tensor;

/** Nothing in here runs. */
export function inferred(): void {
  // The state's type follows from the parameters'.
  const direction = scaleByS3().init(params);
  const momentum = trace({ decay: 0.9 }).init(params);
  type _States = [
    Expect<Equal<typeof direction, S3State<Params>>>,
    Expect<Equal<typeof direction.m, Params>>,
    Expect<Equal<typeof direction.r.head, [Tensor, Tensor]>>,
    Expect<Equal<typeof momentum.trace, Params>>,
    ExpectNot<IsAny<typeof direction>>,
    ExpectNot<IsAny<typeof direction.m>>,
    ExpectNot<IsAny<(typeof direction.m.layers)[number]["w"]>>,
  ];

  // update gives back the types that it took.
  const [updates, nextDirection] = scaleByS3().update(gradients, direction, params);
  const nextParams = applyUpdates(params, updates);
  type _Updates = [
    Expect<Equal<typeof updates, Params>>,
    Expect<Equal<typeof nextDirection, S3State<Params>>>,
    Expect<Equal<typeof nextParams, Params>>,
    ExpectNot<IsAny<typeof updates>>,
    ExpectNot<IsAny<typeof nextParams>>,
  ];

  // A chain's state is a tuple, nested where the chain is.
  const nested = chain(clipByGlobalNorm(1), chain(scaleByS3(), scale(2)), scaleByLearningRate(0.1));
  const nestedState = nested.init(params);
  type _Chains = [
    Expect<Equal<(typeof nestedState)["length"], 3>>,
    Expect<Equal<(typeof nestedState)[1]["length"], 2>>,
    Expect<Equal<(typeof nestedState)[1][0], S3State<Params>>>,
    Expect<Equal<(typeof nestedState)[2], CountState>>,
    ExpectNot<IsAny<(typeof nestedState)[0]>>,
    ExpectNot<IsAny<(typeof nestedState)[1][0]["m"]["head"][0]>>,
  ];

  // Optimizers, with each kind of learning rate.
  const s3State = s3({ learningRate: 0.01, weightDecay: 0.1, p: Infinity }).init(params);
  const adamState = adam({ learningRate: (count) => sum(rateOf(count)) }).init(params);
  const adamwState = adamw({ learningRate: 0.01 }).init(params);
  const sgdState = sgd({ learningRate: 0.01 }).init(params);
  const signState = signSgd({ learningRate: 0.01 }).init(params);
  type _Optimizers = [
    Expect<Equal<(typeof s3State)[0], S3State<Params>>>,
    Expect<Equal<(typeof s3State)[2]["count"], Tensor>>,
    Expect<Equal<(typeof adamState)[0], AdamState<Params>>>,
    Expect<Equal<(typeof adamwState)[0]["mu"], Params>>,
    Expect<Equal<(typeof sgdState)[0]["trace"], Params>>,
    Expect<Equal<(typeof signState)["length"], 2>>,
    ExpectNot<IsAny<(typeof adamState)[0]["nu"]["layers"][number]["b"]>>,
    ExpectNot<IsAny<(typeof signState)[0]>>,
  ];

  // A jitted training step keeps all of it.
  const optimizer = s3({ learningRate: 0.01 });
  const step = jit((params: Params, state: typeof s3State, batch: Tensor) => {
    const [updates, next] = optimizer.update(grad(loss)(params, batch), state, params);
    return [applyUpdates(params, updates), next] as const;
  }, { donate: [0, 1] });
  const stepped = step(params, optimizer.init(params), batch);
  type _Steps = [
    Expect<Equal<(typeof stepped)[0], Params>>,
    Expect<Equal<(typeof stepped)[1], typeof s3State>>,
  ];

  // A single tensor, an array and a tuple are trees too.
  const one = scaleByS3().init(batch);
  const many = scaleByS3().init([batch, batch]);
  type _Trees = [
    Expect<Equal<typeof one, S3State<Tensor>>>,
    Expect<Equal<typeof many.m, Tensor[]>>,
  ];
}

// What must not compile.
export function wrong(): void {
  const direction = scaleByS3().init(params);
  const momentum = trace({ decay: 0.9 }).init(params);

  // @ts-expect-error a misspelt option
  s3({ learningRate: 0.1, beta: 0.9 });
  // @ts-expect-error a misspelt option
  scaleByS3({ nestrov: false });
  // @ts-expect-error no learning rate
  s3({});
  // @ts-expect-error a string as order
  scaleByS3({ p: "3" });
  // @ts-expect-error a dtype that no state has
  scaleByS3({ stateDtype: "float16" });
  // @ts-expect-error Adam's option
  s3({ learningRate: 0.1, b1: 0.9 });
  // @ts-expect-error S3's option
  adam({ learningRate: 0.1, p: 3 });
  // @ts-expect-error a mask of numbers
  addDecayedWeights(0.1, { mask: { w: 1 } });
  // @ts-expect-error no transformation
  chain(scaleByS3(), { init: 1 });
  // @ts-expect-error the state of another transformation
  scaleByS3().update(gradients, momentum, params);
  // @ts-expect-error the state of other parameters
  scaleByS3().update(batch, direction);
  // @ts-expect-error a tuple of states that is too short
  chain(scaleByS3(), scale(2)).update(gradients, [direction], params);
  // @ts-expect-error leaves that are no tensors
  scaleByS3().init({ w: 1 });
}
