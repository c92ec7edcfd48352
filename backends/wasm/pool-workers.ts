/**
 * Worker threads in Deno, Bun and Node: `node:worker_threads` starts them without the event loop of this thread, and
 * they neither need a permission nor keep the process alive. It is looked up when it is needed, so that browsers and
 * bundlers never see an import.
 */
import type { CreateWorkers, FoundThreads, Workers } from "./pool-start.ts";
import { awaitDone, type ModuleMessage, takeIn, workForEver, workOnChunks } from "./pool-work.ts";
import { findWebWorkers } from "./pool-web-workers.ts";

/** The part of `node:worker_threads` that is used. */
interface WorkerThreads {
  readonly Worker: new (url: URL, options: unknown) => {
    unref(): void;
    on(event: "error" | "exit", listener: (reason: unknown) => void): void;
  };
  readonly MessageChannel: new () => { readonly port1: Port; readonly port2: Port };
}

interface Port {
  postMessage(message: ModuleMessage): void;
  close(): void;
}

/** The worker threads of this runtime. */
export function findWorkers(): FoundThreads {
  const workerThreads = findWorkerThreads();
  if (workerThreads === undefined) return findWebWorkers();
  return { create: (...args) => createWorkers(workerThreads, ...args) };
}

/** `node:worker_threads`, where there is one. */
function findWorkerThreads(): WorkerThreads | undefined {
  const { process } = globalThis as {
    process?: { getBuiltinModule?: (name: string) => WorkerThreads | undefined };
  };
  return process?.getBuiltinModule?.("node:worker_threads");
}

function createWorkers(
  { Worker, MessageChannel }: WorkerThreads,
  ...[memory, state, failed]: Parameters<CreateWorkers>
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
      // Errors of kernels come through the control block.
      worker.on("error", failed);
      // Until this pool has ended it, whoever did must not be waited for.
      worker.on("exit", () => failed("it was ended from outside"));
      worker.unref();
      ports.push(port1);
    },
    post(message, from = 0) {
      for (const port of ports.slice(from)) port.postMessage(message);
      return true;
    },
    close: () => ports.forEach((port) => port.close()),
  };
}
