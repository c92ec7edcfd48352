// Leaves a GPU open, with tensors on it and a shader that ran.
import { openGpu, webgpuBackend } from "../../backends/webgpu/mod.ts";
import { elements, oneKernelProgram, toArray } from "./run-kernel.ts";

async function main(): Promise<void> {
  const backend = webgpuBackend(await openGpu("test"));
  const x = elements("float32", [2], [1, 2]);
  const executable = backend.compile(oneKernelProgram("neg", {}, [x], x));
  const [result] = executable.run([backend.upload(toArray(x))]);
  console.log(Array.from(await backend.download(result!, "float32")).join(" "));
}

await main();
