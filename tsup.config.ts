import { defineConfig } from "tsup";

export default defineConfig({
  entry: ["mod.ts"],
  format: ["esm", "cjs"],
  platform: "neutral",
  target: "es2022",
  dts: true,
  clean: true,
});
