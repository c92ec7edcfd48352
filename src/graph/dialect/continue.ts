/**
 * Loops without `continue`, with which gpu.js leaves out the step of some: a variable notes that it was met, and what is
 * left of the body is under the condition that it was not.
 */
import type { Span } from "./items.ts";

/** What is to be written in the place of `continue`, noted while a function is read. */
export interface Continues {
  /** Such a statement. */
  note(statement: Span): void;
  /** Reads the body of a loop. */
  inLoop<Result>(read: () => Result, placeOf: (result: Result) => Span): Result;
  /** Reads a block. */
  inBlock<Result>(read: () => Result): Result;
  /** A statement of the innermost block has ended, and with it maybe the block. */
  after(end: number, isLast: boolean, blockEnd: number): void;
  /** The text without them. */
  rewritten(): string;
}

interface Edit extends Span {
  readonly text: string;
}

/** None yet. */
export function createContinues(source: string): Continues {
  // By their places.
  const edits: Edit[] = [];
  /** The variables of the loops around, and whether one was needed. */
  const loops: { readonly name: string; isNeeded: boolean }[] = [];
  let names = 0;
  /** Whether the innermost loop may go on from the statement that is read, and from one before it in its block. */
  let isMet = false;
  let wasMet = false;
  /** Conditions that end with the block. */
  let open = 0;

  const insert = (at: number, text: string): void => void edits.push({ start: at, end: at, text });

  function newName(): string {
    const name = `skips${names++}`;
    return source.includes(name) ? newName() : name;
  }

  return {
    note(statement) {
      const loop = loops.at(-1)!;
      loop.isNeeded = isMet = true;
      edits.push({ ...statement, text: `${loop.name} = 1;` });
    },
    inLoop(read, placeOf) {
      const loop = { name: newName(), isNeeded: false };
      const before = isMet;
      const first = edits.length;
      loops.push(loop);
      const result = read();
      loops.pop();
      isMet = before;
      if (loop.isNeeded) {
        const { start, end } = placeOf(result);
        edits.splice(first, 0, { start, end: start, text: `{ let ${loop.name} = 0; ` });
        insert(end, " }");
      }
      return result;
    },
    inBlock(read) {
      const before = [isMet, wasMet, open] as const;
      [isMet, wasMet, open] = [false, false, 0];
      const result = read();
      const isMetInside = wasMet;
      [isMet, wasMet, open] = before;
      isMet ||= isMetInside;
      return result;
    },
    after(end, isLast, blockEnd) {
      if (isMet) {
        wasMet = true;
        isMet = false;
        if (!isLast) {
          insert(end, ` if (${loops.at(-1)!.name} < 1) {`);
          open++;
        }
      }
      if (isLast) insert(blockEnd, " }".repeat(open));
    },
    rewritten() {
      let text = "";
      let rest = 0;
      for (const { start, end, text: each } of edits) {
        text += source.slice(rest, start) + each;
        rest = end;
      }
      return text + source.slice(rest);
    },
  };
}
