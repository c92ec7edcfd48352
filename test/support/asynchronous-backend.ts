import { referenceBackend } from "../../backends/reference/mod.ts";
import type { Backend } from "../../src/backend/backend.ts";
import type { DeviceBuffer } from "../../src/core/device-buffer.ts";
import { DeviceError } from "../../src/core/errors.ts";

/** What an asynchronous backend was asked to do. */
export interface Counts {
  /** Turns of the event loop that read. */
  readbacks: number;
  /** Buffers that were made and neither freed nor written over as a donated input. */
  readonly alive: Set<DeviceBuffer>;
  /** Buffers that were given back. */
  freed: number;
}

/** The reference backend as a GPU would be: it is read asynchronously, has no float64, and counts its buffers. */
export function asynchronousBackend(): { readonly backend: Backend; readonly counts: Counts } {
  const inner = referenceBackend();
  const counts: Counts = { readbacks: 0, alive: new Set(), freed: 0 };
  let turn: Promise<void> | undefined;

  function check(buffer: DeviceBuffer): DeviceBuffer {
    if (counts.alive.has(buffer)) return buffer;
    throw new DeviceError("asynchronous", "this buffer is not alive");
  }
  function made(buffer: DeviceBuffer): DeviceBuffer {
    counts.alive.add(buffer);
    return buffer;
  }

  const backend: Backend = {
    name: "asynchronous",
    dtypes: inner.dtypes.filter((dtype) => dtype !== "float64"),
    upload: (data) => made(inner.upload(data)),
    download(buffer, dtype) {
      // Elements are those of now, whatever happens before they arrive.
      const data = inner.downloadSync!(check(buffer), dtype);
      if (turn === undefined) {
        counts.readbacks++;
        turn = new Promise((resolve) => setTimeout(resolve)).then(() => turn = undefined);
      }
      return turn.then(() => data);
    },
    compile(program) {
      const executable = inner.compile(program);
      return { run: (inputs) => executable.run(inputs.map(check)).map(made) };
    },
    free(buffer) {
      counts.alive.delete(check(buffer));
      counts.freed++;
    },
  };
  return { backend, counts };
}
