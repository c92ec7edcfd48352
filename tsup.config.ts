import type { Options } from "tsup";

const options: Options = {
  entry: ["mod.ts"],
  format: ["esm", "cjs"],
  platform: "neutral",
  target: "es2022",
  // What is imported dynamically (the GPU) stays in files of its own.
  splitting: true,
  external: ["gpu.js", "webgpu"],
  dts: true,
  clean: true,
};

export default options;
