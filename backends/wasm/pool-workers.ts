/**
 * Worker threads in Deno, Bun and Node: `node:worker_threads` starts them without the event loop of this thread, and
 * they neither need a permission nor keep the process alive. It is looked up when it is needed, so that browsers and
 * bundlers never see an import. The workers of browsers start only when the main thread rests: none there.
 */
import {
  awaitDone,
  type ModuleMessage,
  takeIn,
  type ThreadState,
  workForEver,
  workOnChunks,
} from "./pool-work.ts";

/** The part of `node:worker_threads` that is used. */
interface WorkerThreads {
  readonly Worker: new (url: URL, options: unknown) => {
    unref(): void;
    on(event: "error", listener: (error: unknown) => void): void;
  };
  readonly MessageChannel: new () => { readonly port1: Port; readonly port2: Port };
}

interface Port {
  postMessage(message: ModuleMessage): void;
  close(): void;
}

/** Workers, with the numbers 1, 2, ... */
export interface Workers {
  /** How many have been started. */
  readonly count: number;
  /** Starts another one. It may join in later, or never. */
  start(): void;
  /** Gives a message to each from the given one on, counted from 0. */
  post(message: ModuleMessage, from?: number): void;
  close(): void;
}

/** `node:worker_threads`, where there is one. */
export function findWorkerThreads(): WorkerThreads | undefined {
  const { process } = globalThis as {
    process?: { getBuiltinModule?: (name: string) => WorkerThreads | undefined };
  };
  return process?.getBuiltinModule?.("node:worker_threads");
}

/** No workers yet, for one memory and control block. */
export function createWorkers(
  { Worker, MessageChannel }: WorkerThreads,
  memory: WebAssembly.Memory,
  state: Omit<ThreadState, "thread">,
): Workers {
  const source = 'import { receiveMessageOnPort, workerData } from "node:worker_threads";' +
    `(${workForEver})(workerData, receiveMessageOnPort, ${takeIn}, ${awaitDone}, ${workOnChunks});`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  const ports: Port[] = [];
  return {
    get count() {
      return ports.length;
    },
    start() {
      const { port1, port2 } = new MessageChannel();
      const workerData = { ...state, thread: ports.length + 1, memory, port: port2 };
      const worker = new Worker(url, { workerData, transferList: [port2] });
      // Errors of kernels come through the control block. A worker that cannot start leaves its chunks to the others.
      worker.on("error", () => {});
      worker.unref();
      ports.push(port1);
    },
    post(message, from = 0) {
      for (const port of ports.slice(from)) port.postMessage(message);
    },
    close: () => ports.forEach((port) => port.close()),
  };
}
