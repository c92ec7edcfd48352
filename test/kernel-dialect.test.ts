import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { KernelError } from "../mod.ts";
import { parseKernel } from "../src/graph/dialect/parse.ts";
import { renderKernel } from "../src/graph/dialect/render.ts";
import { randomKernels } from "./support/kernel-expressions.ts";

/** What is said of a function of a row and a number, and on which line. */
function complaint(
  source: string,
  ranks: readonly number[] = [1, 0],
): [number | undefined, string] {
  try {
    parseKernel("f", source, ranks, ["any"]);
  } catch (error) {
    assert.ok(error instanceof KernelError, String(error));
    return [error.line, error.message];
  }
  assert.fail(`accepted: ${source}`);
}

/** As the body of a function of x and k, on its line 2. */
const inBody = (body: string) => `function (x, k) {\n  ${body}\n}`;

test("kernel dialect: takes what it should", () => {
  const bodies = [
    "return k",
    "return (x[0] + -k) * .5e-3 - 0xff % 3;",
    "let a = 1, b = a; for (let i = 0; i < 3; i++) { a += i; } return a + b;",
    "var i = 0\n  while (i < k) i++\n  return i",
    "let i = 3; do { --i; } while (i > 0); return i;",
    "if (k > 0) return 1; else { return 2; }",
    "if (k > 0) { return 1; }\n  // then\n  /* and\n there */ return k < 1 || !(k === 3) ? x.length : 2;",
    "for (let i = 0; i < 2; i++) { let a = i; a++; } for (let i = 0; i < 2; i += 2) {} return 1;",
    "{ const a = 1; { const a = 2; return a; } }",
    "while (true) { if (k > 1) break; } return Math.max(Math.PI, this.thread.x + this.output.z);",
    "return this.constants.any;",
    ";;return ~k | 3 & 1 ^ 2 << 1 >> 1 >>> 1;",
    "let a = 5; a <<= 2; a >>= 1; a >>>= 1; a |= 8; a &= 12; a ^= 3; return a;",
    "return isNaN(k) || !Number.isFinite(x[0] / k) || Number.isNaN(-Infinity) ? NaN : Infinity;",
    "const isNaN = 1, Infinity = 2; return isNaN + Infinity;",
    "const \u03bb = 1, \u{1d465} = 2, \u00e91 = 3; return \u03bb * \u{1d465} * \u00e91;",
    `return k${" + k".repeat(400)};`,
    `return k > 1${" && k > 1".repeat(60)} ? 1 : 2;`,
    `return ${"(".repeat(99)}k${")".repeat(99)};`,
    `return ${"(k * ".repeat(33)}k${")".repeat(33)};`,
    `${"{".repeat(24)} return k; ${"}".repeat(24)}`,
    "return k ** -2 ** x[0] * (-k) ** 2;",
    "let a = 2; a **= 3; return a;",
    "while (true) { if (k > 1) return 1; }",
    "for (let i = 0; !0; i++) { if (k > i) return i; for (let j = 0; j < 2; j++) break; }",
    "do { return 1; } while (k > 1);",
    "for (let i = 0; i < 3; i++) { if (k > i) continue; return i; } return 1;",
    "for (let i = 0; i < 3; i++) { if (k > i) continue\n i += 1 } return 1;",
    "for (let i = 0; i < 3; i++) { if (k > i) break\n i += 1 } return 1;",
    "{ var a = 1; } { var a = 2; } return k;",
    `${"if (k > 1) { return 1; } else ".repeat(99)}return k;`,
    "return 1_000.5_5 + 0xff_ff + 0b1_0 + 0o1_7;",
  ];
  for (const body of bodies) parseKernel("f", inBody(body), [1, 0]);
  parseKernel("f", "function named(a$_1, _b,) { return a$_1[0][1][2] + _b[0].length; }", [3, 2]);
  parseKernel("f", "function () { return 1; }", []);
});

test("kernel dialect: each mistake is told with its line and what to do", () => {
  const cases: [string, RegExp][] = [
    ["return x[0] * scale;", /scale is not declared .* this\.constants\.name/],
    ["return helper(k);", /helper is not declared .* only functions of Math/],
    ["return k ?? 1;", /unexpected \?\?; inputs have no missing elements/],
    ["return x?.[0];", /unexpected \?\./],
    ["const f = () => 1; return f();", /unexpected \(\); a kernel has no functions in it/],
    ["const f = y => 1; return 1;", /y is not declared|unexpected =>/],
    ["function g() {} return 1;", /unexpected function; a kernel has no functions/],
    ["return [1, 2][0];", /unexpected \[; a kernel has no lists/],
    ["const [a] = x; return a;", /no objects or lists to take apart/],
    ["const o = { a: 1 }; return 1;", /unexpected \{; a kernel has no objects/],
    ['return "a";', /a kernel has no strings/],
    ["return `a`;", /a kernel has no strings/],
    ["return 1n;", /a number ends in letters/],
    ["return k @ 1;", /unexpected "@"/],
    ["return (k, 1);", /unexpected ,; write one expression a statement/],
    ["return typeof k;", /unexpected typeof/],
    ["return new Float32Array(1);", /unexpected new/],
    ["throw 1;", /unexpected throw; a kernel cannot fail/],
    ["try { return 1; } catch { return 2; }", /unexpected try/],
    ["switch (k) {} return 1;", /unexpected switch; write if and else/],
    ["break; return 1;", /break stands outside of a loop/],
    ["continue; return 1;", /continue stands outside of a loop/],
    ["while (true) { if (k > 1) break; }", /can end without return/],
    ["do { if (k > 1) break; return 1; } while (k > 1);", /can end without return/],
    ["do { if (k > 1) continue; return 1; } while (k > 1);", /can end without return/],
    ["out: while (k > 1) { break; } return 1;", /a kernel has no labels: leave each loop by a/],
    ["while (k > 1) { break out; } return 1;", /a kernel has no labels/],
    ["while (k > 1) { continue out; } return 1;", /a kernel has no labels/],
    ["for (let v in x) return v; return 1;", /unexpected in; count, as in for/],
    ["for (const v of x) return v; return 1;", /unexpected of; count, as in for \(let i = 0; /],
    ["for (;;) { return 1; }", /a variable of the loop, as in for/],
    ["let a; a = 1; return a;", /a has no value; expected one, which tells its type/],
    ["let a = 1; let a = 2; return a;", /a is declared twice/],
    ["let x = 1; return x;", /x is declared twice/],
    ["{ const k = 1; } return 1;", /k is declared twice/],
    ["var i = 5; for (var i = 0; i < 3; i++) {} return i;", /i is declared twice/],
    ["let a = 1; { a = 2; let a = 3; } return a;", /a is used in this block before it is declared/],
    ["let a = 1; { let a = a; } return a;", /a is used in this block before it is declared/],
    ["return this.constants.c;", /no constant c; expected one of those given: any$/m],
    ["return x[0] ** (k > 1);", /a condition in the place of a number/],
    ["const a = 1; a = 2; return a;", /a is const, which cannot be changed/],
    ["const a = 1; a++; return a;", /a is const/],
    ["k = 2; return k;", /k is an input, which cannot be changed/],
    ["x[0] = 2; return k;", /x is an input, which cannot be changed/],
    ["k++; return k;", /k is an input/],
    ["let a = k++; return a;", /\+\+ inside of an expression/],
    ["let a = 1; return a++;", /\+\+ inside of an expression/],
    ["let a = 1; let b = a = 2; return b;", /an assignment inside of an expression/],
    ["k; return 1;", /this statement does nothing/],
    ["k + 1; return 1;", /unexpected \+; expected an assignment/],
    ["return;", /return without a value/],
    ["let a = 1;", /can end without return/],
    ["if (k > 0) return 1;", /can end without return/],
    ["while (k > 0) { return 1; }", /can end without return/],
    ["return x;", /x is an input of 1 axis; expected x\[\.\.\.\]/],
    ["return x[0][1];", /x is an input of 1 axis; expected 1 indices/],
    ["return k[0];", /k is an input of no axes; expected 0 indices/],
    ["return k.length;", /unexpected \.; k is a number here/],
    ["return x[0].length;", /unexpected \.; x is a number here/],
    ["let a = 1; return a[0];", /a is a number; expected 0 indices/],
    ["const t = this.thread; return 1;", /unexpected ;; expected this\.thread\.x, \.y or \.z/],
    ["for (let i = 0; i < 3;) { i++; } return 1;", /unexpected \); expected a step, as in for/],
    ["return this.thread.w;", /there is no this\.thread\.w; expected x, y or z/],
    ["return this.color(1);", /there is no this\.color/],
    ["return this;", /unexpected this; expected this\.thread, this\.output or this\.constants/],
    ["return Math.random();", /no Math\.random; a kernel is a pure function/],
    ["return Math.hypot(1, 2);", /no Math\.hypot; expected one of abs, /],
    ["return Math.max(k);", /Math\.max is given 1 arguments; expected 2/],
    ["return Math.exp;", /unexpected ;; expected \(/],
    [`return ${"(".repeat(101)}k${")".repeat(101)};`, /nested 100 deep; write it in several/],
    [`${"{".repeat(25)} return k; ${"}".repeat(25)}`, /25 blocks in each other; a kernel has no/],
    [`${"if (k > 1) ".repeat(25)} return 1; return 2;`, /25 blocks in each other/],
    [`${"if (k > 1) {} else ".repeat(3000)} {} return 2;`, /100 branches in each other; a kernel/],
    [`return k${" + k".repeat(401)};`, /400 operators in a row; write them in several/],
    [`return k > 1${" && k > 1".repeat(61)} ? 1 : 2;`, /60 operators in a row/],
    [`return ${"k > 1 ? 1 : ".repeat(3000)} 2;`, /nested 100 deep; write it in several statements/],
    [`return ${"1 ** ".repeat(3000)} 2;`, /nested 100 deep; write it in several statements/],
    [`return k${" * k".repeat(40)};`, /an expression of too many levels; write it in several/],
    [`return ${"x[".repeat(20)}0${"]".repeat(20)};`, /an expression of too many levels/],
    ["return 017;", /017 begins with 0/],
    ["return Number.EPSILON;", /a kernel has no Number\.EPSILON; expected isNaN or isFinite/],
    ["return isNaN;", /isNaN is not declared|unexpected ;; expected \(/],
    ["return isNaN(k);", /a condition in the place of a number/],
    ["return\n  1;", /return without a value/],
    ["return \u{1f600};", /unexpected "\u{1f600}"/u],
    ["return undefined;", /undefined is not declared .* everything in a kernel is a number/],
    ["return k > 1;", /a condition in the place of a number; write condition \? 1 : 0/],
    ["return true;", /a condition in the place of a number/],
    ["const big = k > 1; return 1;", /a condition in the place of a number/],
    ["if (k) return 1; return 2;", /a number in the place of a condition; compare it/],
    ["return !k ? 1 : 2;", /a number in the place of a condition/],
    ["return k && 1;", /a number in the place of a condition/],
    ["return k > 1 > 0 ? 1 : 2;", /a condition in the place of a number/],
    ["return (1;", /unexpected ;; expected \)/],
    ["return 1 2;", /unexpected 2; expected ;/],
    ["return await 1;", /unexpected await; a kernel is synchronous/],
    ["return /a/;", /unexpected \//],
  ];
  for (const [body, message] of cases) {
    const [line, text] = complaint(inBody(body));
    assert.match(text, /^customKernel: line \d of f: /, body);
    assert.match(text, message, body);
    // The end of the function is where something is missing.
    assert.equal(line, /can end without return/.test(text) ? 3 : 2, body);
  }
});

test("kernel dialect: other kinds of functions and parameters are told apart", () => {
  const cases: [string, RegExp][] = [
    ["(x, k) => k", /an arrow function, which has no `this`; expected function/],
    ["x => x", /an arrow function/],
    ["async function (x, k) { return k; }", /an async function/],
    ["async (x) => x", /an async function/],
    ["function* (x, k) { return k; }", /a generator/],
    ["class A {}", /a class/],
    ["f(x, k) { return k; }", /a method/],
    ["function () { [native code] }", /a bound or built-in function/],
    ["function (x, k = 1) { return k; }", /k has a default value/],
    ["function (x, ...k) { return 1; }", /a parameter is a plain name/],
    ["function ({ x }, k) { return 1; }", /a parameter is a plain name/],
    ["function (x) { return 1; }", /the function takes 1 input; expected 2/],
    ["function (x, k, l) { return 1; }", /l is one parameter too many; expected 2 inputs/],
    ["function (x, x) { return 1; }", /x is declared twice/],
    ["function (x, k) { return 1; } + 1", /unexpected \+; expected the end of the function/],
    ["function (x, k) { return 1;", /the function ends too early/],
    ["function (x, k) { if (k > 1) { return 1; } else return (", /the function ends too early/],
  ];
  for (const [source, message] of cases) {
    const [line, text] = complaint(source);
    assert.match(text, message, source);
    assert.equal(line, 1, source);
  }
});

test("kernel dialect: the message shows the line, and a mark below the place", () => {
  const source = "function (x, k) {\n\t// first\n\tconst a = k;\n\treturn a * bias;\n}";
  const [line, text] = complaint(source);
  assert.equal(line, 4);
  assert.deepEqual(text.split("\n").slice(1), ["  \treturn a * bias;", "  \t           ^"]);
});

test("kernel dialect: of a long line the part around the place is shown", () => {
  const [line, text] = complaint(
    `function(x,k){${Array.from({ length: 60 }, (_, i) => `let b${i}=k;`).join("")}return outer}`,
  );
  assert.equal(line, 1);
  const [, excerpt, mark] = text.split("\n");
  assert.ok(excerpt!.length <= 102);
  assert.equal(excerpt!.slice(mark!.indexOf("^")), "outer}");
});

test("kernel dialect: items lie where they say, and are replaced from the outermost in", () => {
  const source = inBody(
    "let a = x[Math.floor(x[k])] + this.constants.c ** 2; for (let i = x.length; i > a; i--) a -= ~1; while (!0) break; return isNaN(-a) ? (a + this.thread.y) * 2 : k < 1 ? x[0] : x.length;",
  );
  const { items, body } = parseKernel("f", source, [1, 0]);
  const text = renderKernel(source, items, body, (item, render) => {
    switch (item.kind) {
      case "name":
        return `v${item.declaration}`;
      case "declaration":
        return `v${item.declaration} := ${render(item.value)}`;
      case "element":
        return `at(${item.input}, ${item.indices.map(render)})`;
      case "length":
        return `extent${item.input}_${item.indices.length}`;
      case "constant":
        return `<${item.name}>`;
      case "number":
        return `#${item.value}`;
      case "truth":
        return String(item.value);
      case "position":
        return `${item.of}${item.axis}`;
      case "call":
        return `${item.name}{${item.args.map(render)}}`;
      case "test":
        return `${item.name}{${render(item.arg)}}`;
      case "unary":
        return `[${item.operator} ${render(item.operand)}]`;
      case "binary":
        return `[${render(item.left)} ${item.operator} ${render(item.right)}]`;
      case "step":
        return `v${item.declaration} by ${item.by}`;
      case "assignment":
        return `v${item.declaration} ${item.operator} ${render(item.value)}`;
      case "choice": {
        const [condition, one, other] = [item.condition, item.one, item.other].map(render);
        return `if{${condition}}{${one}}{${other}}`;
      }
    }
  });
  assert.equal(
    text.trim(),
    "let v2 := [at(0, floor{at(0, v1)}) + pow{<c>,#2}]; for (let v3 := extent0_0; [v3 > v2]; v3 by -1) v2 -= [~ #1]; while (true) break; return if{isNaN{[- v2]}}{[([v2 + thread1]) * #2]}{if{[v1 < #1]}{at(0, #0)}{extent0_0}};",
  );
  // What is replaced by itself stays.
  const same = renderKernel(source, items, body, ({ start, end }) => source.slice(start, end));
  assert.equal(same, source.slice(body.start, body.end));
});

test("kernel dialect: without continue a function does what it did", () => {
  const row = [0, 1, -1, 2.5, 6, Infinity, NaN];
  const run = (source: string): number[] => {
    const f = Function(`return ${source}`)();
    return row.map((_, x) => f.call({ thread: { x } }, row));
  };
  fc.assert(fc.property(randomKernels, ({ text }) => {
    const source = `function (x) { ${text} }`;
    const parsed = parseKernel("f", source, [1]);
    assert.doesNotMatch(parsed.text, /continue/);
    assert.equal(parsed.text.split("\n").length, source.split("\n").length);
    assert.deepEqual(run(parsed.text), run(source));
  }));
  // Its own names are those that the function has not.
  const { text } = parseKernel(
    "f",
    "function (x) { let skips0 = 0; while (skips0 < 3) { skips0++; if (x[0] > 1) continue; skips0++; } return skips0; }",
    [1],
  );
  assert.match(text, /let skips1 = 0/);
});

test("kernel dialect: an item is found by its piece, whatever parentheses are around it", () => {
  const { items, itemAt } = parseKernel("f", "function (k) { return ((k + 1)) * 2; }", [0]);
  const product = items.at(-1)!;
  assert.ok(product.kind === "binary" && product.operator === "*");
  const sum = itemAt(product.left);
  assert.ok(sum?.kind === "binary" && sum.operator === "+");
  assert.equal(itemAt(sum.left)?.kind, "name");
  assert.equal(itemAt({ start: sum.start, end: sum.start + 3 }), undefined);
});
