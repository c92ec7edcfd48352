/** What the page and its training thread say to each other. */
import type { OptimizerOptions, RacerName, RacerStep, SizeName } from "./race.ts";

/** Where to train: "gpu" is WebGPU, "webgl2" gpu.js on WebGL2, "cpu" WebAssembly, "auto" the fastest of them. */
export type DeviceChoice = "auto" | "gpu" | "webgl2" | "cpu";

/** From the page. A thread prepares once; to begin anew takes another thread. */
export type Request =
  | {
    readonly kind: "prepare";
    readonly text: string;
    readonly device: DeviceChoice;
    readonly size: SizeName;
    readonly seed: number;
    readonly options: OptimizerOptions;
  }
  | { readonly kind: "run" }
  | { readonly kind: "pause" }
  | { readonly kind: "options"; readonly options: OptimizerOptions };

/** From the training thread. */
export type Reply =
  | { readonly kind: "ready"; readonly device: string; readonly parameters: number }
  | {
    readonly kind: "step";
    readonly step: number;
    /** The order of S3's second moment that it was made with. */
    readonly p: number;
    readonly report: Readonly<Record<RacerName, RacerStep>>;
  }
  | { readonly kind: "sample"; readonly texts: Readonly<Record<RacerName, string>> }
  | { readonly kind: "paused" }
  | { readonly kind: "failed"; readonly message: string };
