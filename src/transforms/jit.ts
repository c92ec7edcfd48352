import type { DeviceName } from "../backend/registry.ts";
import { OptionError, TracedValueError } from "../core/errors.ts";
import { inNameOf } from "../core/in-name-of.ts";
import { checkFunction, checkKnown } from "../core/options.ts";
import { formatSpec } from "../core/shape.ts";
import { describeList } from "../core/value-kinds.ts";
import { bufferOf, bufferStorage, literalStorage } from "../tensor/storage.ts";
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
import { isShared, sharedError } from "./donation.ts";
import { inspectors } from "./inspection.ts";
import { type MatchArguments, matcherOf } from "./match-arguments.ts";
import { flattenArguments, type Outputs, stageFunction } from "./stage-function.ts";

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
  readonly matches: MatchArguments;
  /** For each input that is no constant. */
  readonly donated: readonly boolean[];
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
 * what changes from call to call. Instances of classes are refused. The function must be pure and
 * synchronous; it runs only while it is traced, and keeps the values of variables that it closes over then.
 *
 * @throws {TracedValueError} if the function asks for the value of a traced tensor, or is async.
 * @throws {DonatedError} if an argument was donated before, or is given twice and donated.
 * @throws {DeviceError} if the tensors are on different devices.
 * @throws {TreeError} if an argument holds what is neither a tensor nor a plain value.
 * @throws {OptionError} if f is no function, an option is unknown, or `donate` names no argument.
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
  checkFunction("jit", "f", f);
  checkKnown("jit", options, ["donate"]);
  const name = f.name || "a jitted function";
  const { donate = [] } = options;
  if (
    !Array.isArray(donate) ||
    donate.some((position) => !Number.isInteger(position) || position < 0)
  ) {
    throw new OptionError(
      "jit",
      `donate is ${describeList(donate)}; expected positions of arguments, counted from 0`,
    );
  }
  const variants = new Map<string, Variant>();

  let last: Variant | undefined;

  /** What the function became for arguments like these: traced now, or before. */
  function variantOf(
    functionName: string,
    args: Args,
  ): { variant: Variant; tensors: readonly Tensor[] } {
    const known = last?.matches(args);
    if (known !== undefined) return { variant: last!, tensors: known };
    const flat = flattenArguments(functionName, args);
    const tooFar = donate.find((position) => position >= args.length);
    if (tooFar !== undefined) {
      throw new OptionError(
        functionName,
        `donate names argument ${tooFar}, but ${args.length} were given`,
      );
    }
    const key = flat.key + flat.tensors.map((tensor) => formatSpec(tensor)).join(" ");
    let variant = variants.get(key);
    if (variant === undefined) {
      const { staged, outputs } = stageFunction("jit", f, flat);
      const donated = flat.owners.map((argument) => donate.includes(argument));
      variant = { staged, outputs, matches: matcherOf(flat), donated, compiled: new Map() };
      // What it captured of an outer transformation is another tensor at the next call.
      if (staged.captured.length === 0) {
        if (variants.size >= variantLimit) variants.delete(variants.keys().next().value!);
        variants.set(key, variant);
      }
    }
    if (variant.staged.captured.length === 0) last = variant;
    return { variant, tensors: flat.tensors };
  }

  const jitted = (...args: Args): Result => {
    const { variant, tensors } = variantOf("jit", args);
    const { staged, outputs } = variant;
    // Inside another transformation the primitives are handed to it one by one.
    const inline = currentStaging() !== undefined || tensors.some(isTraced) ||
      staged.captured.some(isTraced);
    const results = inline
      ? evaluateGraph(
        staged.graph,
        [...tensors, ...staged.captured],
        staged.constants,
        staged.customs,
      )
      : run(name, variant, tensors, () => flattenArguments("jit", args).paths);
    return unflatten(outputs.structure, outputs.fill(results)) as Result;
  };
  inspectors.set(jitted, (functionName, args) => {
    const { variant, tensors } = variantOf(functionName, args as unknown as Args);
    const inputs = [...tensors, ...variant.staged.captured];
    if (currentStaging() !== undefined || inputs.some(isTraced)) {
      throw new TracedValueError(
        functionName,
        `${name} is called inside a transformation, where its instructions become part of that; ` +
          `${functionName} a jitted function outside of grad, vmap and jit`,
      );
    }
    const { staged: { graph, constants }, donated } = variant;
    const given = [...tensors, ...constants];
    const { device, program } = inNameOf(functionName, () => compileVariant(variant, given));
    return { name, device, graph, compiled: program, inputs: given, donated };
  });
  return jitted;
}

function isTraced({ content }: Tensor): boolean {
  return content.kind === "traced";
}

function compileVariant(
  { staged, donated, compiled }: Variant,
  inputs: readonly Tensor[],
): { device: DeviceName; program: CompiledGraph } {
  const device = commonDevice("jit", inputs);
  let program = compiled.get(device);
  if (program === undefined) {
    const positions = donated.flatMap((isDonated, input) => isDonated ? input : []);
    program = compileGraph(staged.graph, device, new Set(positions));
    compiled.set(device, program);
  }
  return { device, program };
}

function run(
  name: string,
  variant: Variant,
  tensors: readonly Tensor[],
  pathsOf: () => readonly string[],
): Tensor[] {
  const { staged: { graph, constants }, donated } = variant;
  const inputs = constants.length === 0 ? tensors : [...tensors, ...constants];
  const { device, program } = compileVariant(variant, inputs);

  const given = { tensors, donated, constants };
  if (isShared(given)) throw sharedError(name, given, pathsOf());
  const buffers = inputs.map((tensor, input) => {
    const storage = storageOf(tensor);
    // A number has no memory to lose: it donates an upload of its own.
    return storage.literal !== undefined && donated[input]
      ? bufferOf(name, literalStorage(device, storage.literal), tensor.dtype)
      : bufferOn(name, tensor, device);
  });
  const results = program.executable.run(buffers);
  tensors.forEach((tensor, input) => {
    const storage = storageOf(tensor);
    if (!donated[input] || storage.literal !== undefined) return;
    storage.buffer = undefined;
    storage.donatedTo = name;
  });
  return graph.outputs.map(({ spec }, i) => new Tensor(spec, bufferStorage(device, results[i]!)));
}
