/** What mode "webgl2" is to know of WebGL2 and of gpu.js's textures. */
import { DeviceError } from "../../src/core/errors.ts";
import type { GpuConstructor, GpujsTexture, HelperFunction, WebGlContext } from "./gpu.ts";

/** Results stay in textures, and are not written over. */
export const textureSettings = {
  precision: "single",
  tactic: "precision",
  pipeline: true,
  immutable: true,
} as const;

/** The longest side of a texture. */
export function longestSide({ Kernel }: InstanceType<GpuConstructor>): number {
  const { features } = Kernel as { features?: { maxTextureSize?: number } };
  // WebGL2 guarantees as many.
  return features?.maxTextureSize ?? 2048;
}

/** Whether a kernel of gpu.js gave or is given a texture. */
export function isTexture(value: object): value is GpujsTexture {
  return "toArray" in value;
}

/** The same texture, for a kernel that is being built and sees rows of these extents in it. */
export function withExtents(
  texture: GpujsTexture,
  [x = 1, y = 1, z = 1]: readonly number[],
): GpujsTexture {
  return Object.assign(texture.clone(), { dimensions: [x, y, z] });
}

/** Refuses to go on with a context that is gone, for which gpu.js has no words. */
export function checkNotLost(context: WebGlContext | undefined): void {
  if (context?.isContextLost() !== true) return;
  throw new DeviceError("gpujs", "the WebGL2 context was lost, and its tensors with it");
}

const errors: Readonly<Record<number, string>> = {
  0x502: "an operation that it does not take",
  0x505: "no memory is left",
  0x506: "a framebuffer that it does not take",
};

/** WebGL tells only whoever asks that it did not do what it was told: it leaves zeros. */
export function checkErrors(context: WebGlContext): void {
  checkNotLost(context);
  for (let code = context.getError(); code !== 0; code = context.getError()) {
    const error = errors[code];
    if (error === undefined) continue;
    throw new DeviceError("gpujs", `WebGL2 did not compute everything (${error})`);
  }
}

/**
 * GLSL wants functions before their callers, and gpu.js orders them by the first calls that it meets: so the text begins
 * with calls of all of them, callers first, which never run. `functions` lists callees first.
 */
export function ordered(source: string, functions: readonly HelperFunction[]): string {
  if (functions.length < 2) return source;
  const calls = functions.toReversed().map(({ source, settings }) => {
    const zeros = Object.keys(settings.argumentTypes).map(() => "0");
    return `${/function (\w+)/.exec(source)![1]}(${zeros.join(", ")});`;
  });
  return source.replace("{", () => `{\nif (this.thread.x < 0) {\n${calls.join("\n")}\n}`);
}
