import { parseArgs } from "node:util";
import type { Level } from "./case.ts";
import { InputError } from "./input-error.ts";

export interface Options {
  readonly level: Level;
  readonly devices: readonly string[];
  readonly threads: number | undefined;
  readonly only: readonly string[];
  readonly rounds: number;
  readonly milliseconds: number;
  readonly peers: boolean;
  readonly peerRuntime: readonly string[] | undefined;
  readonly pythons: readonly string[];
  readonly json: string | undefined;
  readonly svg: string | undefined;
}

export const USAGE = `usage: deno task bench [options]
  --quick                small sizes, three short rounds
  --large                also 5e7 parameters (on a GPU 1e8) and matrices of 2048
  --device NAMES         softstep's devices, separated by commas; ratios are to the first (cpu); a GPU is gpu, gpu:wgsl
                         or gpu:gpujs
  --threads N            for devices and peers that have such a setting
  --only NAMES           cases, separated by commas: s3,adamw,sgd,affine-gelu,softmax,layer-norm,matmul,
                         conv,conv-gradient,mlp,transformer,transformer-call,cold-start,compile
  --rounds N             rounds in which all libraries take turns (5)
  --milliseconds N       for each library in each round (300)
  --no-peers             softstep alone
  --peer-runtime COMMAND what runs the JavaScript peers (the runtime of this process)
  --python PATHS         Pythons with JAX and Optax, or PyTorch, separated by commas
  --json FILE            writes all medians
  --svg FILE             draws the ratios`;

/** Reads the command line; throws an error with the usage where it makes no sense. */
export function readOptions(words: string[]): Options {
  const { values } = parse(words);
  const quick = values.quick ?? false;
  const list = (text = "") => text.split(",").filter((word) => word !== "");
  const devices = list(values.device ?? "cpu");
  const count = (name: "threads" | "rounds" | "milliseconds"): number | undefined => {
    const text = values[name];
    if (text === undefined) return undefined;
    if (/^[1-9]\d*$/.test(text)) return Number(text);
    throw new InputError(`--${name} is ${text}; expected a positive whole number`);
  };
  return {
    level: quick ? 0 : !values.large ? 1 : devices.some((name) => /^gpu\b/.test(name)) ? 3 : 2,
    devices,
    threads: count("threads"),
    only: list(values.only),
    rounds: count("rounds") ?? (quick ? 3 : 5),
    milliseconds: count("milliseconds") ?? (quick ? 30 : 300),
    peers: !values["no-peers"],
    peerRuntime: values["peer-runtime"]?.split(" "),
    pythons: list(values.python),
    json: values.json,
    svg: values.svg,
  };
}

function parse(args: string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  try {
    return parseArgs({
      args,
      options: {
        quick: flag,
        large: flag,
        device: text,
        threads: text,
        only: text,
        rounds: text,
        milliseconds: text,
        "no-peers": flag,
        "peer-runtime": text,
        python: text,
        json: text,
        svg: text,
      },
    });
  } catch (error) {
    throw new InputError((error as Error).message);
  }
}
