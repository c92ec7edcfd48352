import process from "node:process";
import { formatProgress, type Progress } from "../../mod.ts";

/** Shows progress while it happens. */
export interface LiveProgress {
  update(progress: Omit<Progress, "width" | "ascii">): void;
  /** Replaces the bar by a line that stays. */
  settle(line: string): void;
}

const REDRAW = 80;
const PLAIN_LINE = 10_000;
const PLAIN_WIDTH = 100;

/**
 * On a terminal a bar that is drawn over itself; elsewhere, such as in a log, a plain line now and
 * then. It goes to stderr, so that stdout holds nothing but the results.
 */
export function createLiveProgress(): LiveProgress {
  const { stderr } = process;
  let drawn = -Infinity;
  return {
    update: (progress) => {
      const now = performance.now();
      if (now - drawn < (stderr.isTTY ? REDRAW : PLAIN_LINE)) return;
      drawn = now;
      if (stderr.isTTY) {
        // one column stays free: a full line makes some terminals wrap
        const width = Math.max(1, (stderr.columns || 80) - 1);
        stderr.write(`\r${formatProgress({ ...progress, width })}\x1b[K`);
      } else {
        stderr.write(`${formatProgress({ ...progress, width: PLAIN_WIDTH, ascii: true })}\n`);
      }
    },
    settle: (line) => {
      stderr.write(stderr.isTTY ? `\r${line}\x1b[K\n` : `${line}\n`);
    },
  };
}
