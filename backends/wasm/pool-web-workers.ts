/**
 * Worker threads in browsers: Web Workers. They start when the calling thread rests, so that they join in later than
 * those of other runtimes, and they end with it. The calling thread has to wait for them at times, which browsers allow
 * in a Worker only.
 */
import { createMailbox, readMessage, writeMessage } from "./pool-mailbox.ts";
import type { CreateWorkers, FoundThreads } from "./pool-start.ts";
import { awaitDone, takeIn, workForEver, workOnChunks } from "./pool-work.ts";

/** Web Workers that this thread may wait for, or why there are none. */
export function findWebWorkers(): FoundThreads {
  const { Worker, Blob } = globalThis as Partial<typeof globalThis>;
  if (Worker === undefined || Blob === undefined) return { missing: "there are no worker threads" };
  if (!mayWait()) {
    return {
      missing: "the main thread of a page may not wait for others; in a Worker there are more",
    };
  }
  return { create: createWebWorkers };
}

function mayWait(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0);
    return true;
  } catch {
    return false;
  }
}

const createWebWorkers: CreateWorkers = (memory, state) => {
  const source = `onmessage = ({ data }) => ` +
    `(${workForEver})(data, ${readMessage}, ${takeIn}, ${awaitDone}, ${workOnChunks});`;
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const mailbox = createMailbox();
  const workers: Worker[] = [];
  const close = (): void => workers.forEach((worker) => worker.terminate());
  return {
    get count() {
      return workers.length;
    },
    start() {
      const worker = new Worker(url);
      // A worker that cannot start leaves its chunks to the others.
      worker.onerror = (event) => event.preventDefault();
      // It reads the log from the beginning.
      worker.postMessage({ ...state, thread: workers.length + 1, memory, port: mailbox });
      workers.push(worker);
    },
    post(message, from = 0) {
      // What others have been given is in the log. Where there is no room the calling thread goes on alone.
      if (from === 0 && !writeMessage(mailbox, message)) close();
    },
    close,
  };
};
