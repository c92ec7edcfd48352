import type { Kernel } from "../../src/backend/program.ts";
import { customFunctions } from "./custom-functions.ts";
import { compileError, customKernelSource } from "./custom-kernel.ts";
import { functionsNamed } from "./functions.ts";
import type { Mode, RunKernel } from "./mode.ts";

/** A kernel, and the buffers of a program that it reads. */
export interface PreparedKernel<M> {
  readonly run: RunKernel<M>;
  readonly arrays: readonly number[];
}

/** A user's function made ready in a mode; undefined where it is too large for gpu.js, or has what this gets wrong. */
export function prepareCustomKernel<M>(
  kernel: Kernel<"customKernel">,
  mode: Mode<M>,
): PreparedKernel<M> | undefined {
  const source = customKernelSource(kernel, mode.limits, "flat");
  if (source === undefined) return undefined;
  // It computes several elements at once, in loops that no return ends.
  if (mode.name === "webasm" && source.hasReturnInLoop) return undefined;
  const told = <Result>(body: () => Result): Result => {
    try {
      return body();
    } catch (error) {
      throw compileError(kernel.params.name, error);
    }
  };
  const run = told(() =>
    mode.compile({
      source: source.source,
      functions: [
        ...functionsNamed(source.functions),
        ...customFunctions(source.customFunctions, false),
      ],
      arrays: source.sizes.map((size) => ({ size, dtype: "float32" })),
      numbers: source.numbers,
      output: source.output,
      dtype: source.result.dtype,
      loopMaxIterations: source.loopMaxIterations,
    })
  );
  return {
    // Some modes compile at the first call.
    run: (arrays) => told(() => run(arrays)),
    arrays: source.arrays.map(({ buffer }) => buffer),
  };
}
