/** Steps a second over the last few seconds. */
export interface Pace {
  /** Notes that a step is done. */
  note(step: number, now: number): void;
  /** Steps a second; undefined until there are two. */
  read(): number | undefined;
  /** Forgets what was: time without training does not count. */
  clear(): void;
}

const WINDOW = 3000;
/** No more than one mark in so many milliseconds. */
const SPACING = 100;

/** Measures the pace from the times of steps, in milliseconds. */
export function createPace(): Pace {
  let marks: { step: number; now: number }[] = [];
  let last: { step: number; now: number } | undefined;
  return {
    note(step, now) {
      last = { step, now };
      if (marks.length === 0 || now - marks.at(-1)!.now >= SPACING) marks.push(last);
      // A pace of slow steps is still taken from two of them.
      while (marks.length > 2 && now - marks[1]!.now > WINDOW) marks.shift();
    },
    read() {
      const [first] = marks;
      if (first === undefined || last!.step === first.step) return undefined;
      return (last!.step - first.step) / ((last!.now - first.now) / 1000);
    },
    clear() {
      marks = [];
      last = undefined;
    },
  };
}
