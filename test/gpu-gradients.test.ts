// Derivatives on a GPU against the reference, in float32.
import assert from "node:assert/strict";
import test from "node:test";
import {
  add,
  attention,
  conv2d,
  deviceGet,
  type DeviceName,
  gelu,
  grad,
  jit,
  jvp,
  layerNorm,
  linear,
  mean,
  mul,
  type NestedArray,
  reshape,
  softmaxCrossEntropyWithIntegerLabels,
  sum,
  tanh,
  type Tensor,
  tensor,
  vjp,
  vmap,
} from "../mod.ts";
import { isFloating } from "../src/core/dtype.ts";
import type { PrimitiveName } from "../src/graph/instruction-set.ts";
import { bind } from "../src/tracing/bind.ts";
import { runsOf } from "./support/gpu-cases.ts";
import { gpus, skip } from "./support/gpu-devices.ts";
import { golden, goldenFunctions, goldenSections } from "./support/golden-functions.ts";
import { primitiveCases } from "./support/primitive-cases.ts";
import { assertClose, generator } from "./support/tensors.ts";

const seed = Math.floor(Math.random() * 2 ** 31);

/** Something that is computed on a device: its results, which are few, and what it is called. */
interface Task {
  readonly name: string;
  readonly results: (device: DeviceName) => readonly Tensor[];
}

/** Runs tasks on a device and on the reference, each with one readback, and compares the results. */
async function compare(
  tasks: readonly Task[],
  device: DeviceName,
  tolerance: number,
): Promise<void> {
  const on = async (where: DeviceName) => {
    const results = tasks.map((task) => task.results(where));
    for (const tensor of results.flat()) assert.equal(tensor.device, where);
    return await deviceGet(results);
  };
  const [actual, expected] = [await on(device), await on("reference")];
  tasks.forEach(({ name }, i) => {
    expected[i]!.forEach((values, k) => {
      assertClose(actual[i]![k]!, values, tolerance, `${name}, result ${k} (seed ${seed})`);
    });
  });
}

/** The value and the pullback of a cotangent, as one program. */
function valueAndPullback(f: (...inputs: Tensor[]) => Tensor, ...inputs: Tensor[]): Tensor[] {
  const program = jit((...given: Tensor[]) => {
    const [value, pullback] = vjp(f, ...given);
    const next = generator(3);
    const cotangent = tensor(Array.from({ length: value.size }, () => 2 * next() - 1), {
      shape: value.shape,
    });
    return [value, ...pullback(cotangent)];
  });
  return program(...inputs);
}

const names = Object.keys(primitiveCases) as PrimitiveName[];
const differentiable = names.filter((name) =>
  primitiveCases[name].some(({ derivative }) => derivative === "smooth" || derivative === "kinked")
);

/** The derivative of each application by its floating operands. */
const primitiveTasks = (): Task[] =>
  differentiable.flatMap((name) =>
    runsOf(name, 5, seed, "smooth")
      .filter(({ operands, output }) =>
        output.dtype === "float32" &&
        operands.every(({ dtype }) => dtype !== "bfloat16") &&
        operands.some(({ dtype }) => isFloating(dtype))
      )
      .map(({ params, operands }): Task => ({
        name: `${name} ${JSON.stringify(params)}`,
        results(device) {
          const all = operands.map(({ shape, dtype, values }) =>
            tensor(values, { shape, dtype, device })
          );
          const active = all.flatMap((x, i) => isFloating(x.dtype) ? [i] : []);
          const f = (...inputs: Tensor[]) => {
            const given = [...all];
            active.forEach((position, k) => given[position] = inputs[k]!);
            return bind(name, params as never, given);
          };
          return valueAndPullback(f, ...active.map((position) => all[position]!));
        },
      }))
  );

/** The functions of the golden file, which hold layers, losses, attention and convolutions. */
const functionTasks = (): Task[] =>
  goldenSections.flatMap((section) =>
    golden[section].flatMap((c): Task[] => {
      const f = goldenFunctions[c.function];
      if (f === undefined) return [];
      return [{
        name: `${section} ${c.function} ${JSON.stringify(c.options)}`,
        results: (device) =>
          valueAndPullback(
            (...inputs) => f(inputs, c.options),
            ...c.args.map((data: NestedArray) => tensor(data, { dtype: "float32", device })),
          ),
      }];
    })
  );

/** Numbers between -1 and 1, the same on every device. */
function numbers(device: DeviceName): (...shape: number[]) => Tensor {
  const next = generator(seed);
  return (...shape) => {
    const size = shape.reduce((a, b) => a * b, 1);
    return tensor(Float32Array.from({ length: size }, () => 2 * next() - 1), { shape, device });
  };
}

/** A function of a tensor that gives a scalar. */
type Loss = (x: Tensor) => Tensor;

/** Small networks as functions of one of their parameters, and that parameter. */
const networks: Readonly<Record<string, (device: DeviceName) => readonly [Loss, Tensor]>> = {
  "two linear layers": (device) => {
    const make = numbers(device);
    const [inputs, w, bias, out, last] = [make(5, 4), make(4, 7), make(7), make(7, 3), make(3)];
    const labels = tensor([0, 2, 1, 1, 0], { dtype: "int32", device });
    const loss: Loss = (w) => {
      const hidden = tanh(linear({ w, b: bias }, inputs));
      return mean(
        softmaxCrossEntropyWithIntegerLabels(linear({ w: out, b: last }, hidden), labels),
      );
    };
    return [loss, w];
  },
  "attention over a layer norm": (device) => {
    const make = numbers(device);
    const [x, q, scale] = [make(2, 5, 6), make(2, 5, 6), make(6)];
    const offset = make(6);
    return [
      (scale) => {
        const seen = layerNorm({ scale, offset }, x);
        return sum(mul(attention(q, seen, seen, { causal: true }), q));
      },
      scale,
    ];
  },
  "a convolution": (device) => {
    const make = numbers(device);
    const [image, w, to] = [make(2, 6, 5, 2), make(3, 2, 2, 3), make(2 * 3 * 5 * 3)];
    return [
      (w) =>
        sum(mul(reshape(gelu(conv2d(image, w, { stride: [2, 1], padding: "same" })), [90]), to)),
      w,
    ];
  },
};

/** Derivatives of the networks in many ways, each jitted, and one without jit. */
const transformTasks = (): Task[] =>
  Object.entries(networks).flatMap(([name, network]) => {
    const ways: Record<string, (loss: Loss, x: Tensor, along: Tensor) => Tensor> = {
      "gradient": (loss, x) => jit(grad(loss))(x),
      "gradient, not jitted": (loss, x) => grad(loss)(x),
      "product with the Hessian": (loss, x, along) =>
        jit((x: Tensor, along: Tensor) => jvp(grad(loss), [x], [along])[1])(x, along),
      "gradient of a gradient": (loss, x, along) =>
        jit((x: Tensor, along: Tensor) => grad((x: Tensor) => sum(mul(grad(loss)(x), along)))(x))(
          x,
          along,
        ),
      "gradients for a batch": (loss, x, along) => {
        const batch = (x: Tensor, along: Tensor) =>
          vmap((t: Tensor) => grad(loss)(add(x, mul(along, t))))(
            tensor([0, 0.25, -0.5]),
          );
        return jit(batch)(x, along);
      },
    };
    return Object.entries(ways).map(([way, derive]): Task => ({
      name: `${way} of ${name}`,
      results(device) {
        const [loss, x] = network(device);
        const next = generator(seed + 1);
        const along = Float32Array.from({ length: x.size }, () => 2 * next() - 1);
        return [derive(loss, x, tensor(along, { shape: x.shape, device }))];
      },
    }));
  });

for (const { name } of gpus) {
  // Measured: 3e-6 relative to the larger of 1 and the derivative.
  test(
    `${name}: derivatives of ${differentiable.length} primitives are the reference's within 2e-5`,
    { skip },
    async () => {
      await compare(primitiveTasks(), name, 2e-5);
    },
  );

  test(`${name}: layers, losses, attention and convolutions are the reference's within 2e-5`, {
    skip,
  }, async () => {
    await compare(functionTasks(), name, 2e-5);
  });

  test(
    `${name}: jitted, mapped and second derivatives are the reference's within 1e-4`,
    { skip },
    async () => {
      await compare(transformTasks(), name, 1e-4);
    },
  );
}
