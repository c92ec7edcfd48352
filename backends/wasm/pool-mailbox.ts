/**
 * Messages in shared memory. A worker of a browser gets what is posted to it only when it rests, which workers of the
 * pool do not: modules come to them as code in a log that each reads at its own pace.
 *
 *     words written, then for each message: its length in words, first function or -1, and
 *     of a module: number of names, for each its length and characters, bytes of code, code
 *     of functions to forget: the first, how many
 */
import { codeOf } from "./module-code.ts";
import type { ModuleMessage } from "./pool-work.ts";

/** One thread's view of the log. */
export interface Mailbox {
  readonly words: Int32Array;
  /** Where the next message begins that it has not read. */
  at: number;
}

/** An empty mailbox of so many words: room for some thousands of modules. What is not written to costs no memory. */
export function createMailbox(length: number = 1 << 23): Mailbox {
  const words = new Int32Array(new SharedArrayBuffer(4 * length));
  words[0] = 1;
  return { words, at: 1 };
}

/** Adds a message; false if there is no room. */
export function writeMessage({ words }: Mailbox, message: ModuleMessage): boolean {
  const head: number[] = [];
  let code = new Uint8Array();
  if ("module" in message) {
    code = codeOf(message.module);
    head.push(message.first, message.names.length);
    for (const name of message.names) {
      head.push(name.length);
      for (let i = 0; i < name.length; i++) head.push(name.charCodeAt(i));
    }
    head.push(code.length);
  } else {
    head.push(-1, message.forget, message.count);
  }
  const start = Atomics.load(words, 0);
  const length = 1 + head.length + Math.ceil(code.length / 4);
  if (start + length > words.length) return false;
  words.set([length, ...head], start);
  new Uint8Array(words.buffer, 4 * (start + 1 + head.length)).set(code);
  Atomics.store(words, 0, start + length);
  return true;
}

/**
 * The next message, if there is one. A worker gets this function as text: it uses nothing from outside but its argument.
 */
export function readMessage(port: unknown): { readonly message: ModuleMessage } | undefined {
  const mailbox = port as Mailbox;
  const { words } = mailbox;
  let at = mailbox.at;
  if (at >= Atomics.load(words, 0)) return undefined;
  mailbox.at += words[at++]!;
  const first = words[at++]!;
  if (first < 0) return { message: { forget: words[at]!, count: words[at + 1]! } };
  const names: string[] = [];
  for (let left = words[at++]!; left > 0; left--) {
    const length = words[at++]!;
    names.push(String.fromCharCode(...words.slice(at, at + length)));
    at += length;
  }
  const length = words[at++]!;
  // A copy, since code may not lie in shared memory.
  const code = new Uint8Array(words.slice(at, at + Math.ceil(length / 4)).buffer, 0, length);
  return { message: { module: new WebAssembly.Module(code), first, names } };
}
