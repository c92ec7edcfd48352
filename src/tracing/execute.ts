import type { Backend, Executable } from "../backend/backend.ts";
import { backendOf, checkDeviceDType, type DeviceName } from "../backend/registry.ts";
import { compile, type Compiled } from "../compiler/compile.ts";
import type { EvaluateScalar } from "../compiler/simplify.ts";
import type { DeviceBuffer } from "../core/device-buffer.ts";
import { DeviceError } from "../core/errors.ts";
import { formatSpec, type TensorSpec } from "../core/shape.ts";
import type { Graph, Instruction } from "../graph/graph.ts";
import { graphKey } from "../graph/hash.ts";
import type { PrimitiveName, PrimitiveParams } from "../graph/instruction-set.ts";
import { createGraph, printParams } from "../graph/print.ts";
import { bufferOf, bufferStorage, type Storage } from "../tensor/storage.ts";
import { Tensor } from "../tensor/tensor.ts";
import { defaultDevice, isMovable, placedFirst, placedOn } from "./placement.ts";
import { primitiveOf } from "./primitive.ts";

/** The storage of a tensor that is known to be concrete. */
export function storageOf(tensor: Tensor): Storage {
  return tensor.content as Storage;
}

/** The one device of all operands; what can be anywhere goes where the others are. */
export function commonDevice(functionName: string, tensors: readonly Tensor[]): DeviceName {
  let device: DeviceName | undefined;
  for (const tensor of tensors) {
    const storage = storageOf(tensor);
    if (isMovable(storage) || storage.device === device) continue;
    if (device !== undefined) {
      // What was made without a word is on the default device, and meant for the other.
      const there = JSON.stringify(device === defaultDevice ? storage.device : device);
      throw new DeviceError(
        functionName,
        `operands are on devices ${device} and ${storage.device}; expected one device: make new tensors with ` +
          `{ device: ${there} }, or move a tree with await devicePut(tree, ${there})`,
      );
    }
    device = storage.device;
  }
  return device ?? placedFirst(tensors.map(storageOf))?.device ?? defaultDevice;
}

/** The memory of a concrete tensor on a device; what can be anywhere is uploaded there if it has to. */
export function bufferOn(functionName: string, tensor: Tensor, device: DeviceName): DeviceBuffer {
  return bufferOf(functionName, storageOf(placedOn(tensor, device)), tensor.dtype);
}

interface Cached {
  readonly executable: Executable;
  readonly spec: TensorSpec;
}

// Compiled one-instruction programs of each backend, oldest first. Programs are pure functions of their key,
// so the cache changes no result.
const eagerCaches = new WeakMap<Backend, Map<string, Cached>>();
const eagerCacheLimit = 4096;

/** Executes one primitive on concrete tensors, through a compiled one-instruction graph. */
export function execute<Name extends PrimitiveName>(
  name: Name,
  params: PrimitiveParams[Name],
  operands: readonly Tensor[],
  device: DeviceName = commonDevice(name, operands),
): Tensor {
  const backend = backendOf(name, device);
  let cache = eagerCaches.get(backend);
  if (cache === undefined) eagerCaches.set(backend, cache = new Map());

  let key = `${name}${printParams(params)}`;
  for (const operand of operands) key += ` ${formatSpec(operand)}`;
  let cached = cache.get(key);
  if (cached === undefined) {
    const spec = primitiveOf(name).infer(params, ...operands);
    for (const { dtype } of [...operands, spec]) checkDeviceDType(name, dtype, device);
    const inputs = operands.map(({ shape, dtype }, id) => ({ id, spec: { shape, dtype } }));
    const output = { id: operands.length, spec };
    const graph = createGraph({
      inputs,
      constants: [],
      instructions: [{ op: name, params, operands: inputs, output } as Instruction],
      outputs: [output],
    });
    const { program } = compile(graph, { evaluate: () => undefined, target: backend });
    cached = { executable: backend.compile(program), spec };
    if (cache.size >= eagerCacheLimit) cache.delete(cache.keys().next().value!);
    cache.set(key, cached);
  }
  const buffers = operands.map((operand) => bufferOn(name, operand, device));
  const [buffer] = cached.executable.run(buffers);
  return new Tensor(cached.spec, bufferStorage(device, buffer!));
}

/** Computes scalar instructions on the device that will run the graph, so that folding changes no bit. */
function scalarEvaluator(device: DeviceName): EvaluateScalar | undefined {
  const backend = backendOf("jit", device);
  const { downloadSync } = backend;
  if (downloadSync === undefined) return undefined;
  return ({ op, params, operands, output }) => {
    const graph = createGraph({
      inputs: [],
      constants: [],
      instructions: [{ op, params, operands, output }],
      outputs: [output],
    });
    const { program } = compile(graph, { evaluate: () => undefined, target: backend });
    const [buffer] = backend.compile(program).run([]);
    return downloadSync.call(backend, buffer!, output.spec.dtype)[0];
  };
}

/** A graph made ready for a device. */
export interface CompiledGraph extends Compiled {
  readonly executable: Executable;
}

// Equal graphs of different functions share their executable.
const graphCaches = new WeakMap<Backend, Map<string, CompiledGraph>>();
const graphCacheLimit = 256;

/** Compiles a graph for a device. The program's inputs are the graph's, then its constants. */
export function compileGraph(
  graph: Graph,
  device: DeviceName,
  donated: ReadonlySet<number>,
): CompiledGraph {
  const backend = backendOf("jit", device);
  let cache = graphCaches.get(backend);
  if (cache === undefined) graphCaches.set(backend, cache = new Map());
  const key = `${graphKey(graph)}\ndonated ${[...donated].join(" ")}`;
  let compiled = cache.get(key);
  if (compiled === undefined) {
    checkGraphDTypes(graph, device);
    const evaluate = scalarEvaluator(device) ?? (() => undefined);
    const result = compile(graph, { donated, evaluate, target: backend });
    compiled = { ...result, executable: backend.compile(result.program) };
    if (cache.size >= graphCacheLimit) cache.delete(cache.keys().next().value!);
    cache.set(key, compiled);
  }
  return compiled;
}

/** Refuses a graph that needs a dtype which the device does not have. */
function checkGraphDTypes({ inputs, constants, instructions }: Graph, device: DeviceName): void {
  for (const { spec } of [...inputs, ...constants]) checkDeviceDType("jit", spec.dtype, device);
  for (const { op, output: { spec: { dtype } } } of instructions) {
    checkDeviceDType("jit", dtype, device, `${op} gives ${dtype}, but `);
  }
}
