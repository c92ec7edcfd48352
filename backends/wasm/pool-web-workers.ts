/**
 * Worker threads in browsers: Web Workers. They start when the calling thread rests, so that they join in later than
 * those of other runtimes, and they end with it. The calling thread has to wait for them at times, which browsers allow
 * in a Worker only.
 */
import { createMailbox, readMessage, writeMessage } from "./pool-mailbox.ts";
import type { CreateWorkers, FoundThreads } from "./pool-start.ts";
import { awaitDone, takeIn, type WorkerStart, workForEver, workOnChunks } from "./pool-work.ts";

/** How workers are started that each give `start` to the function which `text` says; `failed` tells what ended one. */
export type Launcher = (
  text: string,
) => (start: WorkerStart, failed: (error: unknown) => void) => { terminate(): unknown };

/** Web Workers that this thread may wait for, or why there are none. */
export function findWebWorkers(): FoundThreads {
  const { Worker, Blob } = globalThis as Partial<typeof globalThis>;
  if (Worker === undefined || Blob === undefined) return { missing: "there are no worker threads" };
  if (!mayWait()) {
    return {
      missing: "the main thread of a page may not wait for others; in a Worker there are more",
    };
  }
  return { create: createMailboxWorkers(launchWebWorkers) };
}

function mayWait(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0);
    return true;
  } catch {
    return false;
  }
}

const launchWebWorkers: Launcher = (text) => {
  const source = `onmessage = ({ data }) => (${text})(data);`;
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  return (start, failed) => {
    const worker = new Worker(url);
    worker.onerror = (event) => {
      event.preventDefault();
      failed(event.message ?? "it could not be started");
    };
    worker.postMessage(start);
    return worker;
  };
};

/** Workers that read their messages from a mailbox of so many words. */
export function createMailboxWorkers(launcher: Launcher, mailboxLength?: number): CreateWorkers {
  const launch = launcher(
    `(start) => (${workForEver})(start, ${readMessage}, ${takeIn}, ${awaitDone}, ${workOnChunks})`,
  );
  return (memory, state, failed) => {
    const mailbox = createMailbox(mailboxLength);
    const workers: ReturnType<typeof launch>[] = [];
    return {
      get count() {
        return workers.length;
      },
      start() {
        // It reads the mailbox from the beginning.
        const start = { ...state, thread: workers.length + 1, memory, port: mailbox };
        workers.push(launch(start, failed));
      },
      // What others have been given is in the mailbox already.
      post: (message, from = 0) => from > 0 || writeMessage(mailbox, message),
      close: () => workers.forEach((worker) => worker.terminate()),
    };
  };
}
