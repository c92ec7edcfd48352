import type { DeviceName } from "../backend/registry.ts";
import { DonatedError, OptionError, TracedValueError } from "../core/errors.ts";
import { formatSpec } from "../core/shape.ts";
import { bufferOf, bufferStorage, literalStorage, type Storage } from "../tensor/storage.ts";
import { Tensor } from "../tensor/tensor.ts";
import { evaluateGraph } from "../tracing/evaluate-graph.ts";
import {
  bufferOn,
  commonDevice,
  type CompiledGraph,
  compileGraph,
  storageOf,
} from "../tracing/execute.ts";
import type { Staged } from "../tracing/stage.ts";
import { currentStaging } from "../tracing/trace.ts";
import { unflatten } from "../tree/tree.ts";
import { inspectors } from "./inspection.ts";
import {
  type FlatArguments,
  flattenArguments,
  type Outputs,
  stageFunction,
} from "./stage-function.ts";

/** How a function is compiled. */
export interface JitOptions {
  /**
   * Positions of arguments whose memory the results may take over, for example parameters and optimizer
   * state. Their tensors must not be used afterwards; reading one throws a `DonatedError`.
   */
  readonly donate?: readonly number[];
}

/** What a function became for one kind of arguments. */
interface Variant {
  readonly staged: Staged;
  readonly outputs: Outputs;
  readonly compiled: Map<DeviceName, CompiledGraph>;
}

const variantLimit = 256;

/**
 * Compiles a function: at the first call it is traced into a graph, which is simplified, given a memory plan
 * and run as one program; later calls with arguments of the same shapes, dtypes and structure run the program
 * at once.
 *
 * Tensors in the arguments are traced, so that one program serves all their values. Everything else in them
 * (numbers, strings, booleans, functions) is fixed: another value makes another program. Pass as a tensor
 * what changes from call to call. The function must be pure and synchronous; it runs only while it is traced, and
 * keeps the values of variables that it closes over then.
 *
 * @throws {TracedValueError} if the function asks for the value of a traced tensor, or is async.
 * @throws {DonatedError} if an argument was donated before, or is given twice and donated.
 * @throws {DeviceError} if the tensors are on different devices.
 * @throws {OptionError} if `donate` names no argument.
 *
 * @example
 * ```ts
 * import { grad, jit, square, sub, sum, type Tensor, tensor } from "softstep";
 *
 * const loss = (w: Tensor) => sum(square(w));
 * const step = jit((w: Tensor, lr: Tensor) => sub(w, grad(loss)(w).mul(lr)), { donate: [0] });
 * let w = tensor([1, 2]);
 * for (let i = 0; i < 2; i++) w = step(w, tensor(0.25));
 * console.log(w.toArray()); // => [ 0.25, 0.5 ]
 * ```
 */
export function jit<Args extends readonly unknown[], Result>(
  f: (...args: Args) => Result,
  options: JitOptions = {},
): (...args: Args) => Result {
  const name = f.name || "a jitted function";
  const donate = options.donate ?? [];
  if (donate.some((position) => !Number.isInteger(position) || position < 0)) {
    throw new OptionError(
      "jit",
      `donate is ${JSON.stringify(donate)}; expected positions of arguments, counted from 0`,
    );
  }
  const variants = new Map<string, Variant>();

  /** What the function became for arguments like these: traced now, or before. */
  function variantOf(args: Args): { variant: Variant; flat: FlatArguments } {
    const flat = flattenArguments("jit", args);
    const tooFar = donate.find((position) => position >= args.length);
    if (tooFar !== undefined) {
      throw new OptionError(
        "jit",
        `donate names argument ${tooFar}, but ${args.length} were given`,
      );
    }
    const key = flat.key + flat.tensors.map((tensor) => formatSpec(tensor)).join(" ");
    let variant = variants.get(key);
    if (variant === undefined) {
      const { staged, outputs } = stageFunction("jit", f, flat);
      variant = { staged, outputs, compiled: new Map() };
      // What it captured of an outer transformation is another tensor at the next call.
      if (staged.captured.length === 0) {
        if (variants.size >= variantLimit) variants.delete(variants.keys().next().value!);
        variants.set(key, variant);
      }
    }
    return { variant, flat };
  }

  const jitted = (...args: Args): Result => {
    const { variant, flat } = variantOf(args);
    const { staged, outputs } = variant;
    const inputs = [...flat.tensors, ...staged.captured];
    // Inside another transformation the primitives are handed to it one by one.
    const inline = currentStaging() !== undefined ||
      inputs.some((tensor) => tensor.content.kind === "traced");
    const results = inline
      ? evaluateGraph(staged.graph, inputs, staged.constants)
      : run(name, variant, flat, donate);
    return unflatten(outputs.structure, outputs.fill(results)) as Result;
  };
  inspectors.set(jitted, (args) => {
    const { variant, flat } = variantOf(args as unknown as Args);
    const inputs = [...flat.tensors, ...variant.staged.captured];
    const traced = inputs.find((tensor) => tensor.content.kind === "traced");
    if (currentStaging() !== undefined || traced !== undefined) {
      throw new TracedValueError(
        "explain",
        `${name} is called inside a transformation, where its instructions become part of that; ` +
          `explain a jitted function outside of grad, vmap and jit`,
      );
    }
    const { device, program } = compileVariant(variant, flat, donate);
    return { name, device, graph: variant.staged.graph, compiled: program };
  });
  return jitted;
}

function compileVariant(
  { staged, compiled }: Variant,
  flat: FlatArguments,
  donate: readonly number[],
): { device: DeviceName; donated: ReadonlySet<number>; program: CompiledGraph } {
  const device = commonDevice("jit", [...flat.tensors, ...staged.constants]);
  const donated = new Set<number>();
  flat.owners.forEach((argument, input) => {
    if (donate.includes(argument)) donated.add(input);
  });
  let program = compiled.get(device);
  if (program === undefined) {
    program = compileGraph(staged.graph, device, donated);
    compiled.set(device, program);
  }
  return { device, donated, program };
}

function run(
  name: string,
  variant: Variant,
  flat: FlatArguments,
  donate: readonly number[],
): Tensor[] {
  const { staged } = variant;
  const { device, donated, program } = compileVariant(variant, flat, donate);

  checkNotShared(name, flat, donated, staged.constants);
  const buffers = [...flat.tensors, ...staged.constants].map((tensor, input) => {
    const storage = storageOf(tensor);
    // A number has no memory to lose: it donates an upload of its own.
    return donated.has(input) && storage.literal !== undefined
      ? bufferOf(name, literalStorage(device, storage.literal), tensor.dtype)
      : bufferOn(name, tensor, device);
  });
  const results = program.executable.run(buffers);
  for (const input of donated) {
    const storage = storageOf(flat.tensors[input]!);
    if (storage.literal !== undefined) continue;
    storage.buffer = undefined;
    storage.donatedTo = name;
  }
  return staged.graph.outputs.map(({ spec }, i) =>
    new Tensor(spec, bufferStorage(device, results[i]!))
  );
}

/** Refuses memory that is donated in one place and read in another. */
function checkNotShared(
  name: string,
  { tensors, paths }: FlatArguments,
  donated: ReadonlySet<number>,
  constants: readonly Tensor[],
): void {
  if (donated.size === 0) return;
  const readers = new Map<Storage, string>();
  constants.forEach((tensor) =>
    readers.set(storageOf(tensor), "a tensor that the function closes over")
  );
  tensors.forEach((tensor, input) => {
    if (!donated.has(input)) readers.set(storageOf(tensor), paths[input]!);
  });
  for (const input of donated) {
    const storage = storageOf(tensors[input]!);
    const reader = storage.literal === undefined ? readers.get(storage) : undefined;
    if (reader !== undefined) {
      throw new DonatedError(
        name,
        `${
          paths[input]
        } is donated, but is also ${reader}; expected a tensor of its own in each place`,
      );
    }
    readers.set(storage, paths[input]!);
  }
}
