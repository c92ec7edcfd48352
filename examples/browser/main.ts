/** Builds the page into `site/` and serves it. See `--help`. */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { fileReason, UsageError } from "../char-transformer/usage-error.ts";
import { buildPage } from "./build.ts";
import { serveFolder } from "./serve.ts";

const USAGE = `usage: deno task page [options]

  builds the page into site/ and serves it to this machine

  --port N    the port, 0 for any that is free (8000)
  --build     build only; any server of static files can serve site/
  --help      this text
`;

const folder = fileURLToPath(new URL("../../site", import.meta.url));

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  try {
    const { port, buildOnly, help } = parseOptions(argv);
    if (help) {
      process.stdout.write(USAGE);
      return 0;
    }
    if (buildOnly) {
      await buildPage(folder);
      process.stdout.write("built site/\n");
    } else await serve(port);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`page: ${error.message}\n`);
    return 2;
  }
}

interface Options {
  readonly port: number;
  readonly buildOnly: boolean;
  readonly help: boolean;
}

function parseOptions(argv: readonly string[]): Options {
  let values: { port?: string; build?: boolean; help?: boolean };
  try {
    ({ values } = parseArgs({
      args: [...argv],
      options: { port: { type: "string" }, build: { type: "boolean" }, help: { type: "boolean" } },
    }));
  } catch (error) {
    const [reason] = (error as Error).message.split("\n");
    throw new UsageError(`${reason}\n${USAGE.trimEnd()}`);
  }
  const { port = "8000", build = false, help = false } = values;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) {
    throw new UsageError(`--port: ${JSON.stringify(port)} is no number from 0 to 65535`);
  }
  return { port: Number(port), buildOnly: build, help };
}

async function serve(port: number): Promise<void> {
  const { url } = await serveFolder(folder, port).catch((error) => {
    const reason = error.code === "EADDRINUSE" ? "it is in use" : fileReason(error);
    throw new UsageError(`--port: cannot serve on port ${port}: ${reason}; try another one`);
  });
  await buildPage(folder);
  process.stdout.write(`${url} (Ctrl-C ends it)\n`);
}
