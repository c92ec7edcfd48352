import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { childCommand, childRunner, type Command } from "../child.ts";
import { nativeRunners } from "../native/roofline.ts";
import type { Options } from "../options.ts";
import type { Runner } from "../runner.ts";

const PYTHON_PEERS = [
  { name: "JAX", script: "./python/jax_peer.py", needs: ["jax", "optax"] },
  { name: "PyTorch", script: "./python/torch_peer.py", needs: ["torch", "numpy"] },
];

/** The peers that are there, and a line about each that is not. */
export function peerRunners(options: Options): { runners: Runner[]; missing: string[] } {
  const runners: Runner[] = [];
  const missing: string[] = [];
  if (!mayStartProcesses()) {
    missing.push("peers: no permission to start processes (deno run --allow-all bench/main.ts)");
    return { runners, missing };
  }
  try {
    runners.push(...nativeRunners());
  } catch (error) {
    missing.push(`C: ${(error as Error).message}`);
  }

  const javaScript = (name: string, script: string, needs: string, ...args: string[]) => {
    if (existsSync(new URL(`./node_modules/${needs}/package.json`, import.meta.url))) {
      const runtime = options.peerRuntime as Command | undefined;
      const command = childCommand(new URL(script, import.meta.url), args, runtime);
      runners.push(childRunner(name, command, command));
    } else missing.push(`${name}: not installed; run "npm install" in bench/peers`);
  };
  javaScript("jax-js", "./jax-js.js", "@jax-js/jax");
  // Node has no Worker, so that it is one thread there anyway.
  if (!/node$/.test(options.peerRuntime?.at(-1) ?? process.execPath)) {
    javaScript("jax-js, 1 thread", "./jax-js.js", "@jax-js/jax", "one-thread");
  }
  javaScript("TensorFlow.js", "./tfjs.js", "@tensorflow/tfjs-backend-wasm");

  if (options.pythons.length === 0) {
    missing.push("JAX, PyTorch: name a Python that has them with --python");
  }
  for (const python of options.pythons) {
    for (const { name, script, needs } of PYTHON_PEERS) {
      if (hasModules(python, needs)) {
        const path = fileURLToPath(new URL(script, import.meta.url));
        // -B: no files of bytecode in the tree.
        const command: Command = [python, "-B", path];
        runners.push(childRunner(name, command, command));
      } else missing.push(`${name}: ${python} has no ${needs.join(" and ")}`);
    }
  }
  return { runners, missing };
}

function hasModules(python: string, names: readonly string[]): boolean {
  const program =
    "import sys, importlib.util as u; sys.exit(not all(map(u.find_spec, sys.argv[1:])))";
  return spawnSync(python, ["-c", program, ...names]).status === 0;
}

/** False under Deno without that permission. */
function mayStartProcesses(): boolean {
  try {
    return spawnSync(process.execPath, ["--version"]).status === 0;
  } catch {
    return false;
  }
}
