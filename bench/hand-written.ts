import { handWrittenS3 } from "./hand-written-s3.ts";
import { uniform } from "./inputs.ts";
import { medianTime } from "./measure.ts";
import type { Runner } from "./runner.ts";

/** What a person would write in plain JavaScript: S3 on one array. */
export function handWrittenRunner(): Runner {
  let step: (() => void) | undefined;
  return {
    name: "JS loop",
    prepare(name, { elements, tensors }) {
      if (name !== "s3" || tensors !== 1) {
        return Promise.resolve({ ready: false, reason: "S3 on one array only" });
      }
      step = handWrittenS3(uniform(1, elements!), 1e-3, 0.01);
      return Promise.resolve({ ready: true });
    },
    sample: (milliseconds) => medianTime(step!, milliseconds),
    release() {
      step = undefined;
      return Promise.resolve();
    },
    close() {},
  };
}
