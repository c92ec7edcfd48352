import assert from "node:assert/strict";
import { test } from "node:test";
import { parseKernel } from "../src/graph/dialect/parse.ts";
import { rangesOf } from "../src/graph/dialect/ranges.ts";

/** What is known of what a function of a matrix, a row and a number returns, and whether all its indices are in range. */
function known(body: string): [range: string, areInside: boolean] {
  const source = `function (a, x, k) { ${body} }`;
  const parsed = parseKernel("f", source, [2, 1, 0]);
  const ranges = rangesOf(parsed, {
    inputs: [[3, 5], [8], []],
    output: [4, 5],
    constants: new Map([["two", 2], ["half", 0.5]]),
  });
  const returned = /return ([^;]*);/.exec(source)!;
  const start = returned.index + "return ".length;
  const range = ranges.of({ start, end: start + returned[1]!.length });
  return [range === undefined ? "?" : `${range.low}..${range.high}`, ranges.areInside];
}

test("kernel ranges: whole numbers that are known before a kernel runs", () => {
  const cases: [string, string][] = [
    ["return 3;", "3..3"],
    ["return 3.5;", "?"],
    ["return -(3);", "-3..-3"],
    ["return this.thread.x;", "0..4"],
    ["return this.thread.y;", "0..3"],
    ["return this.thread.z;", "0..0"],
    ["return this.output.y;", "4..4"],
    ["return a.length + a[0].length * 10 - x.length;", "45..45"],
    ["return 2 * (this.thread.x - 1);", "-2..6"],
    ["return this.thread.x * -this.thread.y;", "-12..0"],
    ["return Math.min(this.thread.x + 1, 2) - Math.max(this.thread.y, 1);", "-2..1"],
    ["return this.constants.two + +1;", "3..3"],
    ["return this.constants.half;", "?"],
    ["return this.thread.x / 1;", "?"],
    ["return this.thread.x % 2;", "?"],
    ["return k;", "?"],
    ["return x[0];", "?"],
    ["return ~1;", "?"],
    ["return Infinity;", "?"],
    ["return 16777216;", "16777216..16777216"],
    ["return 16777216 + 1;", "?"],
    ["const n = a.length; return n + 1;", "4..4"],
    ["let n = a.length; n = 2; return n;", "?"],
  ];
  for (const [body, range] of cases) assert.equal(known(body)[0], range, body);
});

test("kernel ranges: a loop's variable that counts up stays below its bound", () => {
  const loop = (head: string, body = "") => `for (${head}) { ${body} return i; } return 0;`;
  const cases: [string, string][] = [
    [loop("let i = 0; i < x.length; i++"), "0..7"],
    [loop("let i = 1; i <= this.thread.x; ++i"), "1..4"],
    [loop("let i = this.thread.y; i < 9; i += 2"), "0..8"],
    [loop("let i = 0, n = 3; i < n; i++"), "0..2"],
    // It is looked at once though the condition does not hold.
    [loop("let i = 9; i < 3; i++"), "9..9"],
    [loop("let i = 0; i < k; i++"), "?"],
    [loop("let i = 0; i < 9; i--"), "?"],
    [loop("let i = 0; i < 9; i += 0.5"), "?"],
    [loop("let i = 0; i < 9; i -= -1"), "?"],
    [loop("let i = 0; i < 9; i += x.length - this.thread.x * 2"), "?"],
    [loop("let i = 0; i < 9; i++", "i = -1;"), "?"],
    [loop("let i = 0; i !== 9; i++"), "?"],
    [loop("let i = 0; 9 > i; i++"), "?"],
    [loop("let i = 0, j = 0; j < 9; i++"), "?"],
  ];
  for (const [body, range] of cases) assert.equal(known(body)[0], range, body);
});

test("kernel ranges: indices that need no check are told from others", () => {
  const inside = [
    "return a[0][this.thread.x] + x[this.thread.x + this.thread.y];",
    "return x[Math.max(this.thread.x - 1, 0)] + x[Math.min(this.thread.x + 9, x.length - 1)];",
    "let t = 0; for (let i = 0; i < a.length; i++) t += a[i][4] * x[i]; return t;",
    "return k;",
  ];
  const others = [
    "return a[this.thread.y][0];",
    "return x[-1];",
    "return x[8];",
    "return x[this.thread.x - 1];",
    "return x[k];",
    "return x[x[0]];",
    "return a[0][5];",
    "return x[0.5];",
    "let t = 0; for (let i = 0; i <= x.length; i++) t += x[i]; return t;",
    "for (let i = 9, j = x[i]; i < 3; i++) return j; return 1;",
  ];
  for (const body of inside) assert.equal(known(body)[1], true, body);
  for (const body of others) assert.equal(known(body)[1], false, body);
});
