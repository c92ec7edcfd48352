import { parseArgs } from "node:util";
import { OPTIMIZER_NAMES, type OptimizerName, OPTIMIZERS } from "./optimizers.ts";
import { UsageError } from "./usage-error.ts";

/** What the command line asks for. */
export interface Options {
  readonly steps: number;
  readonly seed: number;
  /** The base learning rate; every optimizer also runs at ten times it. */
  readonly learningRate: number;
  readonly optimizers: readonly OptimizerName[];
  readonly device: string;
  /** A file to learn from; undefined for this repository's own text. */
  readonly text: string | undefined;
  readonly out: string;
  readonly quick: boolean;
}

export type Command =
  | { readonly kind: "help" }
  | { readonly kind: "train"; readonly options: Options };

export const DEFAULT_STEPS = 700;
export const QUICK_STEPS = 40;
const DEFAULT_LEARNING_RATE = 0.001;
const DEFAULT_OUT = "report.html";
const MOST_STEPS = 1_000_000;
const LARGEST_SEED = 2 ** 32 - 1;
const LARGEST_LEARNING_RATE = 1000;

const FLAGS = ["quick", "help"] as const;
const SETTINGS = ["steps", "seed", "lr", "optimizers", "device", "text", "out"] as const;
type Flag = typeof FLAGS[number];
type Setting = typeof SETTINGS[number];

/** What `--help` prints. */
export function usage(devices: readonly string[]): string {
  const optimizers = OPTIMIZER_NAMES.map((name) => `    ${name.padEnd(13)}${OPTIMIZERS[name]}`);
  return `Trains a small transformer on the characters of a text, with each optimizer at the base
learning rate and at ten times it, and writes a report.

usage: deno task demo [options]    (also: bun run demo, npm run demo --)

  --steps N          steps of each run (default ${DEFAULT_STEPS}; ${QUICK_STEPS} with --quick)
  --seed N           seed of parameters, batches and samples, 0 to ${LARGEST_SEED} (default 0)
  --lr X             base learning rate (default ${DEFAULT_LEARNING_RATE})
  --optimizers LIST  names separated by commas (default: all)
${optimizers.join("\n")}
  --device NAME      ${devices.join(", ")} (default ${devices[0]})
  --text FILE        UTF-8 text to learn (default: this repository's documents and sources)
  --out FILE         where to write the report (default ${DEFAULT_OUT})
  --quick            a smaller model and fewer steps: some seconds in all
  -h, --help         this text

Ctrl-C stops and reports what has been measured so far; a second Ctrl-C stops at once.
`;
}

/**
 * Reads the command line. `devices` are the devices there are, the default first.
 *
 * @throws {UsageError} With one line that names the option and what it expects.
 */
export function parseOptions(argv: readonly string[], devices: readonly string[]): Command {
  // some task runners pass on the "--" that sets their own options apart
  const { flags, settings } = readArguments(argv[0] === "--" ? argv.slice(1) : argv);
  if (flags.has("help")) return { kind: "help" };
  const quick = flags.has("quick");
  const setting = <T>(name: Setting, otherwise: T, read: (value: string) => T): T => {
    const value = settings.get(name);
    return value === undefined ? otherwise : read(value);
  };
  const options: Options = {
    steps: setting(
      "steps",
      quick ? QUICK_STEPS : DEFAULT_STEPS,
      (value) => readInteger("steps", value, 1, MOST_STEPS),
    ),
    seed: setting("seed", 0, (value) => readInteger("seed", value, 0, LARGEST_SEED)),
    learningRate: setting("lr", DEFAULT_LEARNING_RATE, readLearningRate),
    optimizers: setting("optimizers", OPTIMIZER_NAMES, readOptimizers),
    device: setting("device", devices[0]!, (value) => readDevice(value, devices)),
    text: settings.get("text"),
    out: settings.get("out") ?? DEFAULT_OUT,
    quick,
  };
  return { kind: "train", options };
}

/** Our own messages instead of parseArgs's, which run over several lines and differ by runtime. */
function readArguments(
  argv: readonly string[],
): { flags: Set<Flag>; settings: Map<Setting, string> } {
  const { tokens } = parseArgs({
    args: [...argv],
    options: {
      ...Object.fromEntries(FLAGS.map((name) => [name, { type: "boolean" as const }])),
      ...Object.fromEntries(SETTINGS.map((name) => [name, { type: "string" as const }])),
      help: { type: "boolean", short: "h" },
    },
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const flags = new Set<Flag>();
  const settings = new Map<Setting, string>();
  for (const token of tokens) {
    if (token.kind === "positional") {
      throw new UsageError(`unexpected argument ${JSON.stringify(token.value)}${seeHelp}`);
    }
    if (token.kind === "option-terminator") continue;
    const { name, rawName, value } = token;
    if (isOneOf(FLAGS, name)) {
      if (value !== undefined) throw new UsageError(`${rawName} takes no value${seeHelp}`);
      flags.add(name);
    } else if (isOneOf(SETTINGS, name)) {
      const missing = value === undefined || value === "" ||
        (!token.inlineValue && value.startsWith("--"));
      if (missing) throw new UsageError(`${rawName} needs a value${seeHelp}`);
      if (settings.has(name)) throw new UsageError(`${rawName} is given twice`);
      settings.set(name, value);
    } else throw new UsageError(`unknown option ${JSON.stringify(rawName)}${seeHelp}`);
  }
  return { flags, settings };
}

const seeHelp = " (--help lists the options)";

function isOneOf<T extends string>(names: readonly T[], name: string): name is T {
  return (names as readonly string[]).includes(name);
}

function readInteger(name: Setting, value: string, low: number, high: number): number {
  const number = /^\d+$/.test(value) ? Number(value) : NaN;
  if (!(number >= low && number <= high)) {
    throw new UsageError(
      `--${name} is ${JSON.stringify(value)}, expected an integer from ${low} to ${high}`,
    );
  }
  return number;
}

function readLearningRate(value: string): number {
  const number = /^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? Number(value) : NaN;
  if (!(number > 0 && number <= LARGEST_LEARNING_RATE)) {
    throw new UsageError(
      `--lr is ${
        JSON.stringify(value)
      }, expected a number above 0, at most ${LARGEST_LEARNING_RATE}`,
    );
  }
  return number;
}

function readOptimizers(value: string): OptimizerName[] {
  const names = value.split(",").map((name) => name.trim());
  const known: OptimizerName[] = [];
  for (const name of names) {
    if (!isOneOf(OPTIMIZER_NAMES, name)) {
      throw new UsageError(
        `--optimizers names ${JSON.stringify(name)}, expected some of ${
          OPTIMIZER_NAMES.join(", ")
        }`,
      );
    }
    if (known.includes(name)) throw new UsageError(`--optimizers names ${name} twice`);
    known.push(name);
  }
  return known;
}

function readDevice(value: string, devices: readonly string[]): string {
  if (devices.includes(value)) return value;
  const expected = devices.length === 1 ? devices[0]! : `one of ${devices.join(", ")}`;
  throw new UsageError(`--device is ${JSON.stringify(value)}, expected ${expected}`);
}
