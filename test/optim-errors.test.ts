// Wrong options and trees: the message names the function, the value with its path, and what is expected.
import assert from "node:assert/strict";
import test from "node:test";
import {
  adam,
  adamw,
  addDecayedWeights,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  type DType,
  globalNorm,
  ones,
  s3,
  scale,
  scaleByAdam,
  scaleByLearningRate,
  scaleByS3,
  scaleBySchedule,
  scaleBySign,
  sgd,
  signSgd,
  tensor,
  trace,
  zeros,
} from "../mod.ts";

/** Calls that TypeScript refuses, as JavaScript could make them. */
// deno-lint-ignore no-explicit-any
type Loose = (...args: any[]) => unknown;

function refuses(make: Loose, name: string, argument: unknown, expected: RegExp): void {
  assert.throws(() => make(argument), (error: Error) => {
    assert.equal(error.name, "OptionError", `${error}`);
    assert.ok(error.message.startsWith(`${name}: `), error.message);
    assert.match(error.message, expected);
    return true;
  });
}

for (const b of [1, -0.1, 1.5, NaN, Infinity, -Infinity, "0.9", null, true]) {
  test(`scaleByS3: b = ${JSON.stringify(b)} ${b} is refused`, () => {
    const shown = typeof b === "string" ? JSON.stringify(b) : `${b}`;
    const message = new RegExp(`b is ${shown}; expected a number in \\[0, 1\\)$`);
    refuses(scaleByS3, "scaleByS3", { b }, message);
    refuses(s3, "s3", { learningRate: 1, b }, message);
  });
}

for (const p of [0.5, 0.999999, 0, -3, NaN, -Infinity, "3", null]) {
  test(`scaleByS3: p = ${JSON.stringify(p)} ${p} is refused`, () => {
    const shown = typeof p === "string" ? JSON.stringify(p) : `${p}`;
    refuses(
      scaleByS3,
      "scaleByS3",
      { p },
      new RegExp(`p is ${shown}; expected a number >= 1, or Infinity$`),
    );
  });
}

test("scaleByS3: accepts the ends of the ranges", () => {
  for (const b of [0, 5e-324, 1 - 2 ** -53]) {
    for (const p of [1, 1 + 2 ** -52, Number.MAX_VALUE, Infinity]) {
      const transform = scaleByS3({ b, p });
      const [u] = transform.update(tensor([3, 0, -2]), transform.init(zeros([3])));
      const [x, zero, y] = u.toArray() as number[];
      assert.ok(x! > 0 && x! <= 1 && zero === 0 && y === -x!, `b=${b} p=${p}: ${u}`);
    }
  }
});

test("scaleByS3: other options of the wrong kind are refused", () => {
  for (const nesterov of ["yes", 1, null]) {
    refuses(
      scaleByS3,
      "scaleByS3",
      { nesterov },
      /nesterov is ("yes"|1|null); expected true or false$/,
    );
  }
  for (const stateDtype of ["float16", "float64", "int32", 32, null]) {
    refuses(
      scaleByS3,
      "scaleByS3",
      { stateDtype },
      /stateDtype is ("\w+"|32|null); expected "float32" or "bfloat16"$/,
    );
  }
});

test("optimizers: an unknown option is refused, with the known ones", () => {
  const makers: [Loose, string, string][] = [
    [s3, "s3", "b"],
    [scaleByS3, "scaleByS3", "b"],
    [adam, "adam", "b1"],
    [adamw, "adamw", "weightDecay"],
    [scaleByAdam, "scaleByAdam", "eps"],
    [sgd, "sgd", "momentum"],
    [signSgd, "signSgd", "learningRate"],
    [trace, "trace", "decay"],
  ];
  for (const [make, name, known] of makers) {
    refuses(
      make,
      name,
      { learningRate: 1, decay: 0.5, beta: 0.9 },
      new RegExp(`unknown option "\\w+"; expected one of .*${known}`),
    );
  }
  refuses(
    s3,
    "s3",
    { learningRate: 1, beta: 0.9 },
    /unknown option "beta"; expected one of learningRate, weightDecay, mask, b, p/,
  );
});

test("optimizers: a learning rate that is none is refused", () => {
  const expected =
    /learningRate is (undefined|NaN|Infinity|null|"0.1"|an object|float32\[2\]); expected a finite number, a scalar tensor or a schedule$/;
  for (const learningRate of [undefined, NaN, Infinity, null, "0.1", {}, tensor([0.1, 0.2])]) {
    for (const make of [adam, adamw, s3, sgd, signSgd]) {
      refuses(make as Loose, make.name, { learningRate }, expected);
    }
    refuses(scaleByLearningRate, "scaleByLearningRate", learningRate, expected);
  }
});

test("optimizers: decay rates, weight decay, eps and factors out of range are refused", () => {
  refuses(
    adam,
    "adam",
    { learningRate: 1, b1: 1 },
    /b1 is 1; expected a number in \[0, 1\)/,
  );
  refuses(
    adam,
    "adam",
    { learningRate: 1, b2: -0.1 },
    /b2 is -0.1; expected a number in \[0, 1\)/,
  );
  refuses(
    adamw,
    "adamw",
    { learningRate: 1, eps: -1 },
    /eps is -1; expected a finite number >= 0/,
  );
  refuses(
    adam,
    "adam",
    { learningRate: 1, epsRoot: NaN },
    /epsRoot is NaN; expected a finite number >= 0/,
  );
  refuses(
    sgd,
    "sgd",
    { learningRate: 1, momentum: 1 },
    /momentum is 1; expected a number in \[0, 1\)/,
  );
  refuses(
    s3,
    "s3",
    { learningRate: 1, weightDecay: -0.1 },
    /weightDecay is -0.1; expected a finite number >= 0/,
  );
  refuses(
    adamw,
    "adamw",
    { learningRate: 1, weightDecay: "0.1" },
    /weightDecay is "0.1"; expected a finite number >= 0/,
  );
  refuses(
    addDecayedWeights,
    "addDecayedWeights",
    NaN,
    /weightDecay is NaN; expected a finite number >= 0/,
  );
  refuses(clipByGlobalNorm, "clipByGlobalNorm", 0, /maxNorm is 0; expected a number > 0/);
  refuses(clipByGlobalNorm, "clipByGlobalNorm", NaN, /maxNorm is NaN; expected a number > 0/);
  refuses(scale, "scale", Infinity, /factor is Infinity; expected a finite number/);
  refuses(scaleBySchedule, "scaleBySchedule", 0.1, /schedule is 0.1; expected a function/);
  refuses(
    chain as Loose,
    "chain",
    { init: 1 },
    /argument 0 is an object; expected a gradient transformation/,
  );
});

test("addDecayedWeights: a misspelt option is refused", () => {
  const call = () => (addDecayedWeights as Loose)(0.1, { masc: { a: true } });
  assert.throws(call, {
    name: "OptionError",
    message: /^addDecayedWeights: unknown option "masc"; expected one of mask$/,
  });
});

test("optimizers: nesterov of the wrong kind is refused", () => {
  refuses(
    trace,
    "trace",
    { decay: 0.9, nesterov: "yes" },
    /nesterov is "yes"; expected true or false/,
  );
  refuses(scaleByAdam, "scaleByAdam", { nesterov: 1 }, /nesterov is 1; expected true or false/);
});

test("optimizers: options that are no object are refused", () => {
  for (
    const [make, name] of [[s3, "s3"], [adam, "adam"], [adamw, "adamw"], [sgd, "sgd"], [
      signSgd,
      "signSgd",
    ], [trace, "trace"]] as const
  ) {
    for (const options of [undefined, null, 0.1]) {
      refuses(
        make as Loose,
        name,
        options,
        /options is (undefined|null|0.1); expected an object with some of /,
      );
    }
  }
  refuses(
    scaleByS3 as Loose,
    "scaleByS3",
    3,
    /options is 3; expected an object with some of b, p, /,
  );
});

const params = { layer: { w: zeros([2, 3]) }, bias: [zeros([3])] };
const all: readonly (readonly [string, Loose])[] = Object.entries({
  scaleByS3: () => scaleByS3(),
  scaleByAdam: () => scaleByAdam(),
  trace: () => trace({ decay: 0.9 }),
});

for (const [name, make] of all) {
  const transform = make() as ReturnType<typeof scaleByS3>;
  const state = transform.init(params);
  const update: Loose = transform.update;

  test(`${name}: a wrong shape is named by its path`, () => {
    const g = { layer: { w: zeros([2, 3]) }, bias: [zeros([1])] };
    assert.throws(() => update(g, state, params), {
      name: "ShapeError",
      message: new RegExp(
        `^${name}.update: state\\.\\w+\\.bias\\[0\\] has shape \\[3\\]; expected \\[1\\], the shape of updates\\.bias\\[0\\]`,
      ),
    });
  });

  test(`${name}: another structure is named by its path`, () => {
    const wrong: [unknown, RegExp][] = [
      [{ layer: { w: zeros([2, 3]) } }, /at the root: unexpected key "bias"/],
      [{ layer: { v: zeros([2, 3]) }, bias: [zeros([3])] }, /at \.layer: no key "v"/],
      [{ layer: { w: zeros([2, 3]) }, bias: [] }, /at \.bias: 1 elements; expected 0/],
      [{ layer: zeros([2, 3]), bias: [zeros([3])] }, /at \.layer: an object; expected a leaf/],
    ];
    for (const [g, message] of wrong) {
      assert.throws(() => update(g, state, params), { name: "TreeError", message });
    }
  });

  test(`${name}: a leaf that is no tensor is named by its path`, () => {
    const g = { layer: { w: zeros([2, 3]) }, bias: [1] };
    const message = /updates\.bias\[0\] is 1; expected a tensor/;
    assert.throws(() => update(g, state, params), { name: "TreeError", message });
    assert.throws(() => (transform.init as Loose)(g), {
      name: "TreeError",
      message: new RegExp(`^${name}.init: .*\\.bias\\[0\\] is 1; expected a tensor`),
    });
  });
}

test("applyUpdates: names the path of what does not fit", () => {
  assert.throws(() => applyUpdates({ a: [zeros([2])] }, { a: [zeros([3])] }), {
    name: "ShapeError",
    message:
      /applyUpdates: updates\.a\[0\] has shape \[3\]; expected \[2\], the shape of params\.a\[0\]/,
  });
  assert.throws(() => (applyUpdates as Loose)({ a: zeros([2]) }, { b: zeros([2]) }), {
    name: "TreeError",
    message: /applyUpdates: updates has another structure than params at the root: no key "a"/,
  });
});

test("addDecayedWeights: missing params and wrong masks are refused", () => {
  const g = { a: zeros([2]), b: [zeros([1])] };
  assert.throws(() => addDecayedWeights(0.1).update(g, {}), {
    name: "OptionError",
    message: /^addDecayedWeights.update: params are missing; call update\(updates, state, params\)/,
  });
  const decay = (mask: unknown) => () =>
    (addDecayedWeights as Loose as typeof addDecayedWeights)(0.1, { mask } as never).update(
      g,
      {},
      g,
    );
  assert.throws(decay({ a: true, b: [1] }), {
    name: "TreeError",
    message: /addDecayedWeights: mask\.b\[0\] is 1; expected true or false/,
  });
  assert.throws(decay({ a: true }), {
    name: "TreeError",
    message: /mask has another structure than params at the root: no key "b"/,
  });
  assert.throws(decay(() => ({ a: true, b: [] })), {
    name: "TreeError",
    message: /at \.b: 0 elements; expected 1/,
  });
  assert.throws(decay("all"), {
    name: "TreeError",
    message: /mask is "all"; expected true or false/,
  });
});

test("optimizers with weight decay ask for the parameters", () => {
  for (const optimizer of [s3({ learningRate: 1, weightDecay: 0.1 }), adamw({ learningRate: 1 })]) {
    const update: Loose = optimizer.update;
    const init: Loose = optimizer.init;
    assert.throws(() => update(tensor([1]), init(tensor([1]))), {
      name: "OptionError",
      message: /params are missing/,
    });
  }
});

test("globalNorm and clipByGlobalNorm: a tree without leaves, or with others than tensors, is refused", () => {
  assert.throws(() => globalNorm({}), {
    name: "TreeError",
    message: /^globalNorm: the tree has no leaves/,
  });
  assert.throws(() => (globalNorm as Loose)({ a: 1 }), {
    name: "TreeError",
    message: /\.a is 1; expected a tensor/,
  });
  assert.throws(() => clipByGlobalNorm(1).update([], {}), {
    name: "TreeError",
    message: /^clipByGlobalNorm.update: the tree has no leaves/,
  });
});

test("chain: a state that init did not give is refused", () => {
  const transform = chain(scale(2), scaleByS3());
  const update: Loose = transform.update;
  for (const state of [undefined, {}, [], [{}, {}, {}]]) {
    assert.throws(() => update(tensor([1]), state), {
      name: "TreeError",
      message: /chain.update: state is .*; expected the 2 states that init gave/,
    });
  }
});

test("optimizers: parameters and updates that arithmetic does not take are refused by their path", () => {
  const refused = (name: string, dtype: DType) => ({
    name: "DTypeError",
    message: `${name}.w is ${dtype}[2]; expected float32 or float64`,
  });
  for (const dtype of ["int32", "bool", "bfloat16"] as const) {
    const wrong = { w: ones([2], { dtype }) };
    const right = { w: ones([2]) };
    for (const transform of [scaleByS3(), scaleByAdam(), trace({ decay: 0.9 })]) {
      assert.throws(() => transform.init(wrong), { name: "DTypeError", message: /params\.w is/ });
    }
    assert.throws(() => scaleByS3().init(wrong), refused("scaleByS3.init: params", dtype));
    assert.throws(() => applyUpdates(wrong, right), refused("applyUpdates: params", dtype));
    assert.throws(() => applyUpdates(right, wrong), refused("applyUpdates: updates", dtype));
    const transforms = {
      scaleByS3: scaleByS3(),
      scale: scale(2),
      scaleBySign: scaleBySign(),
      scaleByLearningRate: scaleByLearningRate(0.1),
      clipByGlobalNorm: clipByGlobalNorm(1),
    };
    for (const [name, transform] of Object.entries(transforms)) {
      const update: Loose = transform.update;
      assert.throws(
        () => update(wrong, transform.init(right)),
        refused(`${name}.update: updates`, dtype),
      );
    }
  }
});

test("optimizers: a state that was read back as something else is refused", () => {
  const [params, g] = [{ w: tensor([1, -2]) }, { w: tensor([0.5, 0.1]) }];
  const direction = scaleByS3({ stateDtype: "bfloat16" });
  const [, state] = direction.update(g, direction.init(params));
  // The bits of bfloat16, as numbers.
  const bits = { ...state, m: { w: tensor([14786, 14504], { dtype: "int32" }) } };
  assert.throws(() => direction.update(g, bits), {
    name: "DTypeError",
    message: "scaleByS3.update: state.m.w is int32[2]; expected a floating dtype",
  });
  const adaptive = scaleByAdam();
  for (const count of [tensor([3], { dtype: "int32" }), tensor(3)]) {
    assert.throws(() => adaptive.update(g, { ...adaptive.init(params), count }), {
      name: "DTypeError",
      message:
        /^scaleByAdam\.update: state\.count is (int32\[1\]|float32\[\]); expected a scalar int32$/,
    });
    assert.throws(() => scaleByLearningRate(1).update(g, { count }), {
      name: "DTypeError",
      message: /^scaleByLearningRate\.update: state\.count is /,
    });
  }
});
