import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createModule } from "../backends/wasm/module.ts";
import { compileModule } from "../backends/wasm/module-code.ts";
import { createMailbox, readMessage, writeMessage } from "../backends/wasm/pool-mailbox.ts";
import type { ModuleMessage } from "../backends/wasm/pool-work.ts";

const anyId = fc.nat(2 ** 31 - 1);
const anyMessage: fc.Arbitrary<ModuleMessage> = fc.oneof(
  fc.record({ forget: anyId, count: anyId }),
  fc.record({
    first: anyId,
    names: fc.uniqueArray(fc.string({ unit: "grapheme", maxLength: 40 }), { maxLength: 5 }),
  }).map(({ first, names }) => {
    const module = createModule();
    for (const name of names) module.export(name, module.func([], undefined, () => {}));
    return { module: compileModule(module.encode()), first, names };
  }),
);

/** What tells messages apart. */
function looksOf(message: ModuleMessage): unknown {
  if (!("module" in message)) return { ...message };
  const { module, first, names } = message;
  return { exports: WebAssembly.Module.exports(module).map(({ name }) => name), first, names };
}

test("wasm mailbox: every reader gets what there was room for, in order, whenever it reads", () => {
  fc.assert(fc.property(
    fc.array(fc.tuple(anyMessage, fc.boolean()), { maxLength: 20 }),
    fc.integer({ min: 1, max: 400 }),
    (messages, length) => {
      const writer = createMailbox(length);
      const [early, late] = [{ ...writer }, { ...writer }];
      const [given, got]: [unknown[], unknown[]] = [[], []];
      const readAll = (reader: typeof early, into: unknown[]): void => {
        for (;;) {
          const read = readMessage(reader);
          if (read === undefined) return;
          into.push(looksOf(read.message));
        }
      };
      for (const [message, reads] of messages) {
        if (writeMessage(writer, message)) given.push(looksOf(message));
        if (reads) readAll(early, got);
      }
      readAll(early, got);
      assert.deepEqual(got, given);
      const gotLate: unknown[] = [];
      readAll(late, gotLate);
      assert.deepEqual(gotLate, given);
    },
  ));
});

test("wasm mailbox: a message fits if there is a word for each of its parts", () => {
  const forget = { forget: 3, count: 2 };
  // One word counts the words written; a message to forget takes four.
  const mailbox = createMailbox(1 + 4 + 4);
  assert.deepEqual([1, 2, 3].map(() => writeMessage(mailbox, forget)), [true, true, false]);
});
