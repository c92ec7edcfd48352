/**
 * What every thread of the pool does: claim chunks of a dispatch until there are none left.
 *
 * Workers get these functions as text, so they use nothing from outside but their arguments, and nothing inside them
 * has a name that a build tool would want to keep.
 *
 * A dispatch is a table of numbers, filled by the calling thread while nothing is left to claim: a header, then an
 * entry for each task:
 *
 *     size, first chunk, first chunk of the phase, units (-1: none), units a chunk, number of calls,
 *     and for each call: function, number of arguments, arguments
 */

/** Words of the control block. Each has a cache line of its own. */
export interface ControlLayout {
  /** Chunks that nobody has claimed. It counts down, so that a late thread can never claim from a table half written. */
  readonly remaining: number;
  /** Chunks that are finished. */
  readonly done: number;
  /** Threads that wait for `done`, asleep. */
  readonly waiting: number;
  /** The least count of finished chunks that any thread has waited for in this dispatch: before, nobody is woken. */
  readonly awaited: number;
  /** Counts dispatches; idle workers sleep on it. */
  readonly wake: number;
  /** Workers asleep until `wake` changes. */
  readonly sleeping: number;
  /** Not 0 from the first error of a dispatch on: what is left of it is skipped. */
  readonly failed: number;
  /** Not 0 when workers are to end. */
  readonly stop: number;
  /** Length of the error's text, and its characters after that. */
  readonly text: number;
  readonly maxText: number;
  /** Looks before a thread goes to sleep. */
  readonly spins: number;
  /** Milliseconds until a thread that waits looks again, should it not be woken. */
  readonly patience: number;
  /** Numbers in the table's header: the dispatch, chunks, address of scratch memory, bytes of it for each thread. */
  readonly header: number;
  /** Arguments from here on are addresses in the thread's scratch memory. */
  readonly scratch: number;
}

export const layout: ControlLayout = {
  remaining: 0,
  done: 16,
  waiting: 32,
  wake: 48,
  sleeping: 64,
  failed: 80,
  stop: 96,
  awaited: 112,
  text: 128,
  maxText: 500,
  spins: 20000,
  patience: 200,
  header: 4,
  scratch: 2 ** 40,
};

/** Words of the control block in all. */
const controlLength: number = layout.text + 1 + layout.maxText;

/** What a thread works with. */
export interface ThreadState {
  readonly layout: ControlLayout;
  readonly control: Int32Array;
  readonly table: Float64Array;
  /** Number of the thread: its share of the scratch memory. */
  readonly thread: number;
}

/** Numbers in the table of a dispatch; what does not fit is cut into several. */
export const tableLength: number = 1 << 17;

/** What the calling thread works with, in memory that it shares with workers or in its own. */
export function createState(shared: boolean): ThreadState {
  const buffer = (bytes: number) => shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
  return {
    layout,
    control: new Int32Array(buffer(4 * controlLength)),
    table: new Float64Array(buffer(8 * tableLength)),
    thread: 0,
  };
}

/** A compiled function; its parameters are numbers. */
export type Native = (...args: number[]) => void;

/** Returns when that many chunks are finished. */
export function awaitDone({ layout, control }: ThreadState, count: number): void {
  for (let turn = 0; turn <= layout.spins; turn++) {
    if (Atomics.load(control, layout.done) >= count) return;
  }
  // Who finishes a chunk looks at these two after it has changed `done`: either that ends the wait below at once, or the
  // thread is seen waiting.
  Atomics.add(control, layout.waiting, 1);
  for (;;) {
    const least = Atomics.load(control, layout.awaited);
    if (least <= count) break;
    Atomics.compareExchange(control, layout.awaited, least, count);
  }
  for (;;) {
    const seen = Atomics.load(control, layout.done);
    if (seen >= count) break;
    Atomics.wait(control, layout.done, seen, layout.patience);
  }
  Atomics.sub(control, layout.waiting, 1);
}

/** Works on chunks until none is left to claim. */
export function workOnChunks(
  state: ThreadState,
  awaitDone: (state: ThreadState, count: number) => void,
  functionOf: (id: number) => Native,
): void {
  const { layout, control, table, thread } = state;
  let dispatch = -1;
  let entry = 0;
  for (;;) {
    const remaining = Atomics.load(control, layout.remaining);
    if (remaining === 0) return;
    const after = remaining - 1;
    if (Atomics.compareExchange(control, layout.remaining, remaining, after) !== remaining) {
      continue;
    }
    // Until this chunk is finished the table stays as it is.
    if (table[0]! !== dispatch) {
      dispatch = table[0]!;
      entry = layout.header;
    }
    const chunk = table[1]! - remaining;
    // Chunks are claimed in order. The end of the table reads as chunk Infinity.
    while (table[entry + table[entry]! + 1]! <= chunk) entry += table[entry]!;
    awaitDone(state, table[entry + 2]!);
    if (Atomics.load(control, layout.failed) === 0) {
      try {
        const scratch = table[2]! + thread * table[3]!;
        const units = table[entry + 3]!;
        const begin = (chunk - table[entry + 1]!) * table[entry + 4]!;
        let at = entry + 6;
        for (let calls = table[entry + 5]!; calls > 0; calls--) {
          const run = functionOf(table[at]!);
          const args: number[] = [];
          const end = at + 2 + table[at + 1]!;
          for (at += 2; at < end; at++) {
            const arg = table[at]!;
            args.push(arg >= layout.scratch ? arg - layout.scratch + scratch : arg);
          }
          if (units >= 0) args.push(begin, Math.min(begin + table[entry + 4]!, units));
          run.apply(null, args);
        }
      } catch (error) {
        if (Atomics.compareExchange(control, layout.failed, 0, 1) === 0) {
          const text = String(error).slice(0, layout.maxText);
          control[layout.text] = text.length;
          for (let i = 0; i < text.length; i++) control[layout.text + 1 + i] = text.charCodeAt(i);
        }
      }
    }
    const done = Atomics.add(control, layout.done, 1) + 1;
    if (Atomics.load(control, layout.waiting) > 0) {
      if (done >= Atomics.load(control, layout.awaited)) Atomics.notify(control, layout.done);
    }
  }
}

/** A module that workers are given, or the functions that they can forget. */
export type ModuleMessage =
  | {
    readonly module: WebAssembly.Module;
    readonly first: number;
    readonly names: readonly string[];
  }
  | { readonly forget: number; readonly count: number };

/** What a worker is started with. */
export interface WorkerStart extends ThreadState {
  readonly memory: WebAssembly.Memory;
  readonly port: unknown;
}

/** How a worker reads its messages. */
type Receive = (port: unknown) => { readonly message: ModuleMessage } | undefined;

/** Takes in a message, if there is one. */
export function takeIn(
  { memory, port }: WorkerStart,
  functions: Map<number, Native>,
  receive: Receive,
): boolean {
  const received = receive(port);
  if (received === undefined) return false;
  const { message } = received;
  if ("module" in message) {
    const { exports } = new WebAssembly.Instance(message.module, { env: { memory } });
    for (let i = 0; i < message.names.length; i++) {
      functions.set(message.first + i, exports[message.names[i]!] as Native);
    }
  } else {
    for (let i = 0; i < message.count; i++) functions.delete(message.forget + i);
  }
  return true;
}

/** The life of a worker. */
export function workForEver(
  state: WorkerStart,
  receive: Receive,
  take: typeof takeIn,
  awaitDone: (state: ThreadState, count: number) => void,
  workOnChunks: (
    state: ThreadState,
    awaitDone: (state: ThreadState, count: number) => void,
    functionOf: (id: number) => Native,
  ) => void,
): void {
  const { layout, control } = state;
  const functions = new Map<number, Native>();
  while (Atomics.load(control, layout.stop) === 0) {
    // Before others wait for what this thread has claimed.
    while (take(state, functions, receive));
    workOnChunks(state, awaitDone, (id) => {
      for (;;) {
        const known = functions.get(id);
        if (known !== undefined) return known;
        // The calling thread has posted it before the dispatch.
        if (!take(state, functions, receive)) {
          throw new Error("A worker was not given its function.");
        }
      }
    });
    let turn = 0;
    while (turn < layout.spins && Atomics.load(control, layout.remaining) === 0) turn++;
    if (turn < layout.spins) continue;
    const seen = Atomics.load(control, layout.wake);
    if (Atomics.load(control, layout.remaining) !== 0) continue;
    if (Atomics.load(control, layout.stop) !== 0) return;
    Atomics.add(control, layout.sleeping, 1);
    Atomics.wait(control, layout.wake, seen);
    Atomics.sub(control, layout.sleeping, 1);
  }
}
