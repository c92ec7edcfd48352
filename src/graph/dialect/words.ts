// Lists are written out: bundlers must keep what calls a function when it is loaded.

// deno-fmt-ignore -- a list
/** Functions of Math that kernels may call, with the number of their arguments. */
export const mathFunctions: ReadonlyMap<string, number> = new Map([
  ["abs", 1], ["acos", 1], ["acosh", 1], ["asin", 1], ["asinh", 1], ["atan", 1], ["atanh", 1],
  ["cbrt", 1], ["ceil", 1], ["cos", 1], ["cosh", 1], ["exp", 1], ["expm1", 1], ["floor", 1],
  ["fround", 1], ["log", 1], ["log10", 1], ["log1p", 1], ["log2", 1], ["round", 1], ["sign", 1],
  ["sin", 1], ["sinh", 1], ["sqrt", 1], ["tan", 1], ["tanh", 1], ["trunc", 1],
  ["atan2", 2], ["max", 2], ["min", 2], ["pow", 2],
]);

/** Numbers of Math that kernels may use. */
export const mathConstants: ReadonlySet<string> = new Set([
  "E",
  "LN10",
  "LN2",
  "LOG10E",
  "LOG2E",
  "PI",
  "SQRT1_2",
  "SQRT2",
]);

/** Words for numbers. */
export const numberWords: ReadonlyMap<string, number> = new Map([
  ["Infinity", Infinity],
  ["NaN", NaN],
]);

/** Tests of a number, of Number or not; they differ for what is no number, which kernels have not. */
export const numberTests: ReadonlySet<string> = new Set(["isNaN", "isFinite"]);

/** What JavaScript has and kernels have not, with what to do instead. */
export const hints: ReadonlyMap<string, string> = new Map([
  ["=>", "a kernel has no functions in it"],
  ["??", "inputs have no missing elements; write the value itself, or choose with ?:"],
  ["?.", "inputs have no missing elements; write x[i]"],
  ["...", "a kernel has no lists"],
  ["`", "a kernel has no strings"],
  ["[", "a kernel has no lists"],
  ["{", "a kernel has no objects"],
  [",", "write one expression a statement"],
  ["in", "a kernel has no objects"],
  ["instanceof", "a kernel has no objects"],
  ["typeof", "everything in a kernel is a number"],
  ["void", "everything in a kernel is a number"],
  ["delete", "inputs cannot be changed"],
  ["new", "a kernel makes no objects"],
  ["class", "a kernel makes no objects"],
  ["function", "a kernel has no functions in it: write out what it does"],
  ["async", "a kernel is synchronous"],
  ["await", "a kernel is synchronous"],
  ["yield", "a kernel returns one number"],
  ["throw", "a kernel cannot fail: return a number"],
  ["try", "a kernel cannot fail: return a number"],
  ["switch", "write if and else"],
  ["debugger", "take it out"],
  ["with", "take it out"],
  ["null", "everything in a kernel is a number"],
  ["undefined", "everything in a kernel is a number"],
  ["arguments", "name the parameters"],
]);

/** How deep words may lie in others: stacks have limits. */
export const deepest = 100;

/** How deep blocks may lie in others: compilers of shaders have limits. */
export const mostBlocks = 25;

/** How many operators of one level may follow on each other, and how many of conditions. */
export const longest = 400;
export const mostConditions = 60;

/** What changes a variable. */
export const assignments: ReadonlySet<string> = new Set([
  "=",
  "+=",
  "-=",
  "*=",
  "/=",
  "%=",
  "**=",
  "&=",
  "|=",
  "^=",
  "<<=",
  ">>=",
  ">>>=",
]);

// deno-fmt-ignore -- a list
/** Names that no variable has. */
export const reserved: ReadonlySet<string> = new Set([
  "async", "await", "break", "case", "catch", "class", "const", "continue", "debugger", "default",
  "delete", "do", "else", "export", "extends", "false", "finally", "for", "function", "if", "import",
  "in", "instanceof", "let", "new", "null", "return", "super", "switch", "this", "throw", "true",
  "try", "typeof", "var", "void", "while", "with", "yield", "Math",
]);
