import type { Options } from "tsup";

const options: Options = {
  entry: ["mod.ts"],
  format: ["esm", "cjs"],
  platform: "neutral",
  target: "es2022",
  dts: true,
  clean: true,
};

export default options;
