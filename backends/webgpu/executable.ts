import type { Executable, ProfiledRun } from "../../src/backend/backend.ts";
import type { AnyKernel, Program } from "../../src/backend/program.ts";
import type { DeviceBuffer } from "../../src/core/device-buffer.ts";
import type { DType } from "../../src/core/dtype.ts";
import { type BindGroups, createBindGroups } from "./bind-groups.ts";
import { createClock, mostTimed } from "./clock.ts";
import type { Health } from "./health.ts";
import { type Dispatch, joinEqual } from "./join-shaders.ts";
import { lower } from "./lower.ts";
import type { Memory, WebgpuBuffer } from "./memory.ts";
import type { Pipelines } from "./pipelines.ts";
import type { OtherShaders, Shader, ShaderLimits } from "./shader.ts";
import { refuseDouble } from "./transfer.ts";
import { openVerdicts, type Verdict } from "./verdicts.ts";
import { planWorkspace } from "./workspace.ts";

/** What programs run with. */
export interface Machine {
  readonly device: GPUDevice;
  readonly limits: ShaderLimits;
  readonly memory: Memory;
  readonly health: Health;
  readonly pipelines: Pipelines;
  readonly others: OtherShaders;
  /** Submits commands, after everything that was asked for before. */
  submit(commands: GPUCommandBuffer, dispatches: number): void;
}

/** One dispatch. */
interface Step {
  /** Of the program. */
  readonly kernels: readonly number[];
  readonly shader: Shader;
  readonly pipeline: GPUComputePipeline;
  readonly groups: BindGroups;
}

/** Makes somebody's shader ready, to be run on buffers in the order of its bindings. */
export function createRunner(
  { device, memory, health, pipelines, submit }: Machine,
  shader: Shader,
): (buffers: readonly DeviceBuffer[]) => void {
  const pipeline = pipelines.of(shader);
  return (buffers) => {
    health.check("run");
    const held = buffers.map(memory.of);
    const places = held.map(({ byteLength }, buffer) => ({ buffer, byteOffset: 0, byteLength }));
    const groups = createBindGroups(device, pipeline, places, () => false);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline.pipeline);
    pass.setBindGroup(0, groups.of(held.map(({ buffer }) => buffer)));
    pass.dispatchWorkgroups(...shader.workgroups);
    pass.end();
    submit(encoder.finish(), 1);
  };
}

/** Makes a program ready: all its shaders in one pass, one command buffer and one submit a run. */
export function createExecutable(machine: Machine, program: Program): Executable {
  const { device, memory, health, pipelines } = machine;
  health.check("compile");
  refuseDoubles(program);
  const { lowered, ways, scratch } = lowerAll(machine, program);
  const planned = [
    ...program.buffers,
    ...scratch.map((byteLength) => ({ kind: "scratch", byteLength }) as const),
  ];
  const { slotOf, slots } = planWorkspace(planned, lowered.map(({ shader }) => shader));
  const verdicts: Verdict[] = [];
  const steps = lowered.map(({ kernels, shader }): Step => {
    const pipeline = pipelines.of(shader);
    if (pipeline.verdict !== undefined) verdicts.push(pipeline.verdict);
    const places = shader.bindings.map(({ buffer, byteOffset = 0, byteLength }) => ({
      buffer,
      byteOffset,
      byteLength: byteLength ?? planned[buffer]!.byteLength,
    }));
    const groups = createBindGroups(device, pipeline, places, (buffer) => slotOf.has(buffer));
    return { kernels, shader, pipeline: pipeline.pipeline, groups };
  });
  let workspace: GPUBuffer[] | undefined;
  // The buffers of a run, by their place in `planned`: those of the workspace stay, the others come anew.
  const current: GPUBuffer[] = [];

  /** Fills `current`, and gives what holds the program's inputs and results, and whether all shaders are known. */
  function hold(inputs: readonly DeviceBuffer[]): {
    readonly held: readonly (WebgpuBuffer | undefined)[];
    readonly own: readonly Verdict[];
  } {
    health.check("run");
    const own = openVerdicts(verdicts);
    const open = [...own];
    for (const input of inputs) {
      const { verdicts } = memory.of(input);
      if (verdicts !== undefined) open.push(...openVerdicts(verdicts));
    }
    if (workspace === undefined) {
      workspace = slots.map((byteLength) => memory.acquire(byteLength));
      for (const [buffer, slot] of slotOf) current[buffer] = workspace[slot]!;
      // What nobody can run any more gives its workspace back.
      abandoned(memory).register(executable, workspace);
    }
    const held: (WebgpuBuffer | undefined)[] = [];
    program.buffers.forEach((plan, index) => {
      if (plan.kind === "arena") return;
      const each = plan.kind === "input"
        ? memory.of(inputs[plan.input]!)
        : memory.hold(plan.byteLength);
      held[index] = each;
      current[index] = each.buffer;
    });
    if (open.length > 0) {
      for (const { buffer } of program.outputs) held[buffer]!.verdicts = open;
    }
    return { held, own };
  }

  /** What runs a shader that is refused is refused too, which is no failure of the device. */
  function withVerdicts(own: readonly Verdict[], body: () => void): void {
    if (own.length === 0) return body();
    device.pushErrorScope("validation");
    body();
    void device.popErrorScope().then(async (error) => {
      for (const { settled } of own) await settled;
      if (error !== null && own.every(({ error }) => error === undefined)) health.note(error);
      // The device was lost, which is told elsewhere.
    }, () => {});
  }

  const outputsOf = (held: readonly (WebgpuBuffer | undefined)[]): WebgpuBuffer[] =>
    program.outputs.map(({ buffer }) => held[buffer]!);

  function run(inputs: readonly DeviceBuffer[]): DeviceBuffer[] {
    const { held, own } = hold(inputs);
    withVerdicts(own, submitOnce);
    return outputsOf(held);
  }

  function submitOnce(): void {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    let last: GPUComputePipeline | undefined;
    for (const { pipeline, groups, shader: { workgroups } } of steps) {
      // Each call into the runtime costs about a microsecond.
      if (pipeline !== last) pass.setPipeline(pipeline);
      last = pipeline;
      pass.setBindGroup(0, groups.of(current));
      pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2]);
    }
    pass.end();
    machine.submit(encoder.finish(), steps.length);
  }

  async function profile(inputs: readonly DeviceBuffer[]): Promise<ProfiledRun> {
    await Promise.all(verdicts.map(({ settled }) => settled));
    const { held } = hold(inputs);
    const clock = createClock(device, steps.length);
    const encoder = device.createCommandEncoder();
    steps.forEach((step, i) => {
      const pass = encoder.beginComputePass({ timestampWrites: clock.around(i) });
      pass.setPipeline(step.pipeline);
      pass.setBindGroup(0, step.groups.of(current));
      pass.dispatchWorkgroups(...step.shader.workgroups);
      pass.end();
    });
    clock.resolve(encoder);
    machine.submit(encoder.finish(), steps.length);
    const nanoseconds = program.kernels.map(() => 0);
    (await clock.read()).forEach((each, i) => {
      const { kernels } = steps[i]!;
      // Kernels that run together are equal ones.
      for (const kernel of kernels) nanoseconds[kernel]! += each / kernels.length;
    });
    return { outputs: outputsOf(held), nanoseconds };
  }

  const isTimed = device.features.has("timestamp-query") && steps.length <= mostTimed;
  const executable: Executable = { run, ways, ...(isTimed && { profile }) };
  return executable;
}

const registries = new WeakMap<Memory, FinalizationRegistry<GPUBuffer[]>>();

function abandoned(memory: Memory): FinalizationRegistry<GPUBuffer[]> {
  let registry = registries.get(memory);
  if (registry === undefined) {
    registry = new FinalizationRegistry((buffers) => buffers.forEach(memory.release));
    registries.set(memory, registry);
  }
  return registry;
}

interface LoweredProgram {
  readonly lowered: readonly Dispatch[];
  /** How each kernel runs. */
  readonly ways: readonly string[];
  /** Bytes of the buffers that kernels need beside the planned ones. */
  readonly scratch: readonly number[];
}

function lowerAll(machine: Machine, { buffers, kernels }: Program): LoweredProgram {
  const byteLengths = buffers.map(({ byteLength }) => byteLength);
  const dispatches: Dispatch[] = [];
  const ways = kernels.map((each, kernel) => {
    const { shaders, buffers: between, way } = lower(each, byteLengths, machine);
    for (const shader of shaders) dispatches.push({ kernels: [kernel], shader });
    byteLengths.push(...between);
    return way ?? `WGSL, ${wayOf(shaders) || "nothing to do"}`;
  });
  const lowered = joinEqual(dispatches, machine.limits);
  return { lowered, ways, scratch: byteLengths.slice(buffers.length) };
}

/** The labels of shaders; a row of equal ones is counted. */
function wayOf(shaders: readonly Shader[]): string {
  const rows: { label: string; count: number }[] = [];
  for (const { label } of shaders) {
    const last = rows.at(-1);
    if (last?.label === label) last.count++;
    else rows.push({ label, count: 1 });
  }
  return rows.map(({ label, count }) => count > 1 ? `${count} times ${label}` : label).join(" + ");
}

/** Nothing on a GPU has 64 bits, inside of a program neither. */
function refuseDoubles({ inputs, kernels }: Program): void {
  const dtypes = [...inputs, ...kernels.flatMap(valuesOf)].map(({ dtype }) => dtype);
  if (dtypes.includes("float64")) refuseDouble("run");
}

/** What a kernel computes. */
function valuesOf(kernel: AnyKernel): readonly { readonly dtype: DType }[] {
  return kernel.op === "loop" ? kernel.loop.statements : [kernel.output.spec];
}
