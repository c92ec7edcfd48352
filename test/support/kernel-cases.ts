const usual: readonly number[] = [-3.5, -1, -0.5, 0, 0.5, 1, 2, 5.25];
const special: readonly number[] = [NaN, 1, Infinity, -Infinity, -0, 3, 0, -7.5];
const wide = [2 ** 31, -(2 ** 31), 2 ** 32, -(2 ** 33), 3e9, -3e9, 6442450944, 1e20, -1e38, 0.75];

const value = "const v = x[this.thread.x];";

/**
 * Bodies of functions of a row x, and the row; whatever they compute is exact in float32. They are texts, because bundlers
 * compute what is constant and write numbers in their own way.
 */
export const kernelCases: Readonly<Record<string, readonly [string, readonly number[]]>> = {
  // NaN is neither equal nor in an order to anything.
  "v !== v": [`${value} return v !== v ? 1 : 0;`, special],
  "!(v === v)": [`${value} return !(v === v) ? 1 : 0;`, special],
  "v == v": [`${value} if (v == v) { return 1; } return 0;`, special],
  "v < 2": [`${value} return v < 2 ? 1 : 0;`, special],
  "!(v < 2)": [`${value} return !(v < 2) ? 1 : 0;`, special],
  "if v >= 2": [`${value} if (v >= 2) return 1; else return 0;`, special],
  "if !(v >= 2)": [`${value} if (!(v >= 2)) return 1; else return 0;`, special],
  "v !== 3": [`${value} if (v !== 3) { return 1; } return 0;`, special],
  "v > 0 || v <= 0": [`${value} return v > 0 || v <= 0 ? 1 : 0;`, special],
  "v <= Infinity": [
    `${value} return (v <= Infinity ? 1 : 0) + (v === -Infinity ? 10 : 0);`,
    special,
  ],
  "v < NaN": [
    `${value} return (v < NaN ? 1 : 0) + (v !== NaN ? 10 : 0) + (v >= NaN ? 100 : 0);`,
    special,
  ],
  isNaN: [`${value} return isNaN(v) ? 1 : Number.isNaN(v * 0) ? 2 : 3;`, special],
  isFinite: [`${value} return isFinite(v) ? 1 : Number.isFinite(1 / v) ? 2 : 3;`, special],
  "while not NaN": [
    `let v = x[this.thread.x]; while (v === v) { v = v - v + NaN; } return v;`,
    special,
  ],
  "NaN in loops": [
    "let n = 0; for (let i = x[this.thread.x]; i < 5; i++) { n += 1; if (n > 9) return -1; } return n;",
    special,
  ],
  "v - v": [`${value} return v - v;`, special],
  "v - (v > 0 ? v : v)": [`${value} return v - (v > 0 ? v : v);`, special],
  "v - -(-v)": [`${value} return v - -(-v);`, special],
  "v -= a choice of v": ["let v = x[this.thread.x]; v -= v > 0 ? v : v; return v;", special],
  "NaN - NaN": ["return NaN - NaN;", special],
  "Infinity - n": ["const n = Infinity; return (Infinity - n) * 0;", special],
  "x[x[-1]]": ["return x[x[-1]];", special],
  "x[-x.length]": ["return x[-x.length];", special],
  "v / v": [`${value} return v / v;`, special],
  "v * 0": [`${value} return v * 0;`, special],
  "a largest one, from -Infinity": [
    "let most = -Infinity; for (let i = 0; i < x.length; i++) if (x[i] > most) most = x[i]; return most;",
    usual,
  ],

  // What compilers could make of sums and products that have something in common.
  "roots": [
    `${value} return Math.sqrt(v) * Math.sqrt(v);`,
    [1, 4, 16, -3, -Infinity, NaN, Infinity, 0],
  ],
  "v + Infinity === Infinity": [
    `${value} return (v + Infinity === Infinity ? 1 : 0) + (v - Infinity < v ? 10 : 0);`,
    special,
  ],
  "a sum and its own term": [
    `${value} const w = x[2]; return (v + w === w ? 1 : 0) + (w <= w + v ? 10 : 0) + (v * w > w ? 100 : 0);`,
    [1, 0, 2 ** 80, -0.5, Infinity, -Infinity, NaN, 3],
  ],
  "v + (w - v)": [
    `${value} const w = x[2]; const d = w - v; return v + d + (d - w) + -(v * 2 - w * v);`,
    [1, 0, 2 ** 8, -0.5, Infinity, -Infinity, NaN, 3],
  ],
  "v + 2 ** 60 - 2 ** 60": [
    `${value} return (v + 1152921504606846976) - 1152921504606846976;`,
    usual,
  ],
  "v++ and v--": ["let v = x[this.thread.x]; v++; v -= 1; v--; v += 1; return v;", special],
  "2 * v - 2 * v": [`${value} return (2 * v - 2 * v) + (v * 4) / (v * 4) + (v / 2) * 2;`, special],
  "w * v + w * u": [
    `${value} return v * x[0] + v * x[1] + (v * x[2] - v * x[3]);`,
    [1, -2, 4, 0.5, Infinity, -Infinity, NaN, 0],
  ],
  "zeros of whole numbers": [
    `${value} const zero = x.length - x.length; const i = this.thread.x;
     return v / zero + zero * v + v / (i - i) + (zero + i - i) / v;`,
    [1, -2, Infinity, -Infinity, NaN, 0, 3, 5],
  ],
  "long sums": [
    `${value} return v${" + v - x[1] + 2".repeat(9)} - this.thread.x${
      " - (v + v) - x[0] * v".repeat(9)
    };`,
    [1, -2, Infinity, -Infinity, NaN, 0, 0.25, 5],
  ],

  // Functions where they are exact.
  "Math.pow(1, v)": [`${value} return Math.pow(1, v) + Math.pow(-1, v) * 2;`, special],
  "Math.pow(v, NaN)": [`${value} return Math.pow(v, NaN);`, special],
  "v ** Infinity": [`${value} return v ** Infinity + v ** -Infinity;`, [...special, -1, 0.5]],
  "v ** 0": [`${value} return v ** 0 + 2 ** 0 ** v * 4;`, [1, 2, 3, NaN, Infinity]],
  "v **= 1": ["let v = x[this.thread.x]; v **= 2 - 1; return v ** 1;", special],
  hyperbolic: [
    `${value} return Math.acosh(v) + Math.atanh(v) + Math.cosh(v) + Math.asinh(v) + Math.sinh(v);`,
    [NaN, Infinity, -Infinity, 2, -2, 0.5, -1e38, 3e38],
  ],
  acosh: [`${value} return Math.acosh(v);`, [1, 0.5, -1, -Infinity, Infinity, NaN]],
  atanh: [`${value} return Math.atanh(v);`, [1, -1, 0, 1.5, -2, Infinity, NaN]],
  "large hyperbolic": [
    `${value} return Math.floor(Math.asinh(v)) + Math.floor(Math.acosh(-v)) * 256;`,
    [-1e38, -2e19, -1e10],
  ],
  log2: [
    `${value} return Math.log2(v);`,
    [0, 1, 2, 0.5, 8, 2 ** 100, 2 ** -100, -1, Infinity, NaN],
  ],

  // Loops that go on, or never end but by return.
  continue: [
    `let n = 0;
     for (let i = 0; i < 20; i++) { if (i % 3 === 0) continue; if (i > x[this.thread.x] + 9) break; n += i; }
     return n;`,
    usual,
  ],
  "continue in branches": [
    `let n = 0;
     for (let i = 0; i < 9; i++) {
       if (i < 2) { continue } else { if (i < x[this.thread.x] + 4) continue; n += 1; }
       n += 16; if (i > 6) continue
       n += 256;
     }
     return n;`,
    usual,
  ],
  "continue in loops": [
    `let n = 0; let m = 0;
     while (n < 9) {
       n++;
       for (let j = 0; j < 3; j++) if (j > n + x[this.thread.x]) continue; else m += 0.5;
       if (n > 3) { if (n < 6) { continue; } n += 1; do { m++; if (m % 2 > 0) continue; m += 4; } while (m < 9); }
       m += 1
     }
     return m * 16 + n;`,
    usual,
  ],
  "while (true)": [
    `let n = 0; while (true) { n++; if (n * n > x[this.thread.x] + 4) { return n; } }`,
    usual,
  ],

  // Numbers that float32 has not.
  "1e39": ["return 1e39;", usual],
  "-1e39": ["return -1e39 - x[this.thread.x];", usual],
  "1e-50": ["return x[this.thread.x] + 1e-50;", usual],
  "1e-50 alone": ["return 1e-50;", usual],
  "1 / -0": ["const zero = -0; return 1 / zero + 1 / -0;", usual],
  "large whole numbers": ["return 1000000 * 1000000 + 4000000000 - 3 * 1048576 / 2;", usual],
  "-Infinity": ["return x[this.thread.x] > 0 ? -Infinity : NaN;", usual],
  "other bases": ["return 0x10 + 0b101 + 0o17 + 1_000;", usual],
  "Math.E": ["return Math.floor(Math.E) + Math.floor(-Math.PI);", usual],

  // Bits.
  "v | 0": [`${value} return v | 0;`, [...special, ...wide]],
  "~v": [`${value} return ~v & 0xffff00;`, [...special, ...wide]],
  "v ^ large": [`${value} return (v ^ 0xdeadbeef) & 0xfffff;`, usual],
  "v & 0xffffffff": [`${value} return v & 0xffffffff;`, [...usual, ...wide]],
  "1e20 * v | 0": [
    `${value} return 1e20 * v | 0;`,
    [0, 1, -1, 2, -4].map((each) => each * 2 ** -40),
  ],
  "3 * v | 0": [`${value} return 3 * v | 0;`, usual],
  "floor of v | 0": [`${value} return Math.floor(v * 1.5) | 0;`, usual],
  "v << 33": [`${value} return v << 33;`, usual],
  "v << -1": [`${value} return v << -1;`, usual],
  "v >> 35": [`${value} return v * 100 >> 35;`, usual],
  "v >>> 0": [`${value} return v >>> 0;`, [1, 5.25, 0, 2 ** 31, -(2 ** 31), -(2 ** 8), 2 ** 40]],
  "v >>> 33": [`${value} return -256 * v >>> 40;`, usual],
  "-5 >>> v": [`${value} return -256 >>> v;`, [8, 9, 40, -20]],
  "1 << v": [`${value} return 1 << v;`, usual],
  "bits of constants": [
    "return (31 << 31 >> 20) + (~(7 ^ 0x80000000) >>> 24) + (1e10 >>> 20 & 0xfff) + x[this.thread.x];",
    usual,
  ],
  "inner bits are whole": [
    `${value} return ((v * 1e6 ^ 0x5bd1e995) << 7 ^ 77777777) >>> 11 & 255;`,
    [1, 2, 3, 17],
  ],
  "assignments of bits": [
    `let a = x[this.thread.x] * 16; a |= 8; a <<= 2; a ^= 3; a &= 0xff; a >>= 1; a >>>= 33; return a;`,
    usual,
  ],
  hash: [
    "let h = this.thread.x; h = (h ^ 61) ^ (h >>> 16); h = h + (h << 3); h = h ^ (h >>> 4); return h & 1023;",
    usual,
  ],

  // Indices.
  "half an index": ["return x[this.thread.x / 2];", usual],
  "beyond the end": ["return x[this.thread.x + 4];", usual],
  "before the start": ["return x[this.thread.x - 4];", usual],
  "x[1e10]": ["return x[1e10];", usual],
  "x[NaN]": ["return x[NaN];", usual],
  "x[-0]": ["return x[-0];", usual],
  "an index of bits": [
    "return x[this.thread.x >> 1] + x[(Math.floor(x[this.thread.x]) & 3) + 1];",
    usual,
  ],
  "an index by division": [
    "return x[Math.floor(x.length / 2)] + x[Math.floor(1.5 * this.thread.x / 2)];",
    usual,
  ],
  "an index of an index": ["return x[x[x[this.thread.x]]];", [0, 2, 1, 3, 7, 4, 5, -1]],
  "neighbours": ["return this.thread.x > 0 ? x[this.thread.x - 1] : 0;", usual],
  "a missing neighbour": ["const v = x[this.thread.x + 1]; return v !== v ? 100 : v;", usual],

  // Whole numbers that gpu.js would keep as integers.
  "i * i * i": ["let s = 0; for (let i = 0; i < 2049; i++) s = i * i * i; return s;", usual],
  "x * x of positions": ["return this.thread.x * this.thread.x * 268435456;", usual],
  "half steps": ["let s = 0; for (let i = 0; i < 3; i += 0.5) s += i; return s;", usual],
  "factors": ["let s = 0; for (let i = 1; i < 1000; i *= 3) s += i; return s;", usual],
  "quotients": ["let s = 0; for (let i = x.length; i > 0.5; i /= 2) s += i / 4; return s;", usual],
  "downwards": [
    "let s = 0; for (let i = x.length - 1; i >= 0; i--) s = s * 0.5 + x[i]; return s;",
    usual,
  ],
  "two variables": [
    "let s = 0; for (let i = 0, n = x.length; i < n; i++) s += x[i] * i; return s;",
    usual,
  ],
  "a bound from data": [
    "let s = 0; for (let i = 0; i < x[6] * 2; i++) s += i / 2; return s;",
    usual,
  ],
  "a bound and a value": [
    "let s = 0; for (let i = 0; i < x.length && x[i] < 0; i++) s += 1; return s;",
    usual,
  ],
  "a changed counter": [
    "let s = 0; for (let i = 0; i < 8; i++) { s += i; i += 1; } return s;",
    usual,
  ],
  "a step from a position": [
    "let s = 0; for (let i = this.thread.x; i < 8; i += this.thread.x + 1) s += x[i]; return s;",
    usual,
  ],
  "a bound on the left": ["let s = 0; for (let i = 0; 8 > i; i++) s += x[i]; return s;", usual],
  "equal names": [
    "let s = 0; for (let i = 0; i < 3; i++) { for (let i = 0; i < 4; i++) s += i; s += i * 100; } return s;",
    usual,
  ],
  "whole division": [
    "return Math.floor(this.thread.x / 3) + Math.trunc(-7 / 2) + (7 / 2 | 0);",
    usual,
  ],

  // Remainders and rounding.
  "remainders": [`${value} return v % 2 + -7 % 3 * 16 + this.thread.x % 3 * 64;`, usual],
  "remainders of large numbers": [
    `${value} return v % 3;`,
    [2 ** 33, 2 ** 66, -(2 ** 33), 16777215, 5, -5, 3, -3, 0, -0, 2 ** -20, Infinity, NaN],
  ],
  "remainders by all kinds": [
    `${value} return 5.5 % v;`,
    [...special, 2 ** -30, 5.5, -5.5, 2 ** 40, 0.375],
  ],
  "1 / (v % 1)": [`${value} return 1 / (v % 1);`, [-1, 1, -2.5, -0, 0]],
  "round": [
    `${value} return Math.round(v);`,
    [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999997, 8388609, 16777215, -8388609, NaN, Infinity, 1e20],
  ],
  "1 / round": [`${value} return 1 / Math.round(v);`, [-0.25, -0.5, 0.25, -0, 0]],
  "other roundings": [
    `${value} return Math.floor(v) + Math.ceil(v) * 16 + Math.trunc(v) * 256 + Math.sign(v) * 4096;`,
    [...usual, ...special],
  ],
  "max and min": [`${value} return Math.max(v, 1) + Math.min(v, 2) * 16;`, special],

  // Shape of the text.
  "names of shading languages": [
    `const sample = 1, input = 2, output = 3, texture = 4, loop = 5, ptr = 6, fn = 7, vec3 = 8, f32 = 9;
     const main = 10, result = 11, gid = 12, params = 13, array = 14, u32 = 15, float = 16, uniform = 17;
     return sample + input * output - texture * loop + ptr + fn + vec3 + f32 + main + result + gid + params +
       array + u32 + float * uniform;`,
    usual,
  ],
  "names of ours": [
    `const floatOf = 1, a0 = 2, s0 = 3, v0 = 4, lessOf = 5, kernel = 6, user_x = 7; let v2 = x[0];
     return (v2 < floatOf ? a0 : s0) + v0 * lessOf + kernel + user_x;`,
    usual,
  ],
  "names of objects": [
    "const constructor = 1, toString = 2, __proto__ = 3, of = 4, get = 5; return constructor + toString * __proto__ + of * get;",
    usual,
  ],
  "names of other scripts": ["const \u03bb = 2, \u00e91 = 3; return \u03bb * \u00e91;", usual],
  "blocks": [
    "let a = 1; { let a = 2; a += 5; } if (a > 0) { let a = 10; return a + x[0]; } return a;",
    usual,
  ],
  "a way out of a loop": [
    "let i = 0; while (true) { i++; if (i > this.thread.x) return i * 2; } return 0;",
    usual,
  ],
  "signs": [`${value} return - -v - -1 + +v;`, usual],
  "minified": [
    "let n=0;for(let i=0;i<3;i++)if(i>1)n+=2;else++n;do--n;while(n>9);if(n>99)return-Infinity;return(n)+x[0]",
    usual,
  ],
  "minified sums": ["return+x[0]+1-x[1]+2-x[2]+3", usual],
  "minified negatives": ["if(x[0]>1)return-1e39;if(x[0]<1)return~1;return.5", usual],
  "no semicolons": ["let a = 1\nlet b = 2 // c\n/* d\n */ return a\n+ b", usual],
  "empty statements": ["for (let i = 0; i < 3; i++) ; ; do ; while (0 > 1) ; return 1;", usual],
  "parentheses": [`${value} if ((((v > 0)))) return (1); return ((2)) * (((3)));`, usual],
};
