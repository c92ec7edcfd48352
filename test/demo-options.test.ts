import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import fc from "fast-check";
import { OPTIMIZER_NAMES } from "../examples/char-transformer/optimizers.ts";
import { type Options, parseOptions, usage } from "../examples/char-transformer/options.ts";
import { openOutput } from "../examples/char-transformer/output.ts";
import { makeCorpus } from "../examples/char-transformer/corpus.ts";
import { readTextFile, repositoryText } from "../examples/char-transformer/text.ts";
import { UsageError } from "../examples/char-transformer/usage-error.ts";

const DEVICES = ["cpu", "other"];

function inFolder(use: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "softstep-"));
  try {
    use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function parse(...argv: string[]): Options {
  const command = parseOptions(argv, DEVICES);
  assert.equal(command.kind, "train");
  return command.kind === "train" ? command.options : assert.fail();
}

function isUsageError(part: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof UsageError);
    assert.ok(error.message.includes(part), error.message);
    assert.ok(!error.message.includes("\n"));
    return true;
  };
}

test("demo options: defaults", () => {
  const { steps, ...others } = parse();
  assert.deepEqual(others, {
    seed: 0,
    learningRate: 0.001,
    optimizers: ["adamw", "adamw-0.95", "adamw-equal", "s3"],
    device: "cpu",
    text: undefined,
    out: "report.html",
    quick: false,
  });
  assert.ok(parse("--quick").steps < steps);
  assert.equal(parse("--quick", "--steps", "9").steps, 9);
});

test("demo options: all set, in both spellings, after a separator that a task runner left", () => {
  const argv = [
    "--",
    "--steps=12",
    "--seed",
    "4294967295",
    "--lr",
    "2e-3",
    "--optimizers",
    "s3, adamw",
  ];
  assert.deepEqual(parse(...argv, "--device=other", "--text", "a b", "--out=x.html", "--quick"), {
    steps: 12,
    seed: 4294967295,
    learningRate: 0.002,
    optimizers: ["s3", "adamw"],
    device: "other",
    text: "a b",
    out: "x.html",
    quick: true,
  });
});

test("demo options: help wins, and names every option, optimizer and device", () => {
  for (const argv of [["--help"], ["-h"], ["--quick", "--help"]]) {
    assert.deepEqual(parseOptions(argv, DEVICES), { kind: "help" });
  }
  const options = ["steps", "seed", "lr", "optimizers", "device", "text", "out", "quick", "help"];
  const words = [...options.map((name) => `--${name}`), ...OPTIMIZER_NAMES, ...DEVICES];
  for (const word of words) assert.ok(usage(DEVICES).includes(word), word);
});

test("demo options: every mistake gives one line that names it", () => {
  const wrong: [string[], string][] = [
    [["--stpes", "5"], 'unknown option "--stpes"'],
    [["-q"], 'unknown option "-q"'],
    [["stray"], 'unexpected argument "stray"'],
    [["--steps"], "--steps needs a value"],
    [["--out="], "--out needs a value"],
    [["--text", "--quick"], "--text needs a value"],
    [["--quick=yes"], "--quick takes no value"],
    [["--seed", "1", "--seed=2"], "--seed is given twice"],
    [["--steps", "0"], "--steps is"],
    [["--steps", "-3"], "--steps is"],
    [["--steps", "1.5"], "--steps is"],
    [["--steps", "1e3"], "--steps is"],
    [["--steps", "1000001"], "--steps is"],
    [["--seed", "4294967296"], "--seed is"],
    [["--seed", "one\ntwo"], "--seed is"],
    [["--lr", "0"], "--lr is"],
    [["--lr", "-1"], "--lr is"],
    [["--lr", "NaN"], "--lr is"],
    [["--lr", "1e999"], "--lr is"],
    [["--lr", "0x1"], "--lr is"],
    [["--optimizers", "lion"], '--optimizers names "lion", expected some of adamw,'],
    [["--optimizers", "s3,"], '--optimizers names ""'],
    [["--optimizers", "s3,s3"], "--optimizers names s3 twice"],
    [["--device", "tpu"], '--device is "tpu", expected one of cpu, other'],
  ];
  for (const [argv, part] of wrong) assert.throws(() => parse(...argv), isUsageError(part));
});

test("demo options: any arguments parse or give a usage error of one line", () => {
  const word = fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.constantFrom("--steps", "--lr=1", "--quick", "--text", "--", "-", "-h", "--no-quick", "5"),
  );
  fc.assert(fc.property(fc.array(word, { maxLength: 6 }), (argv) => {
    try {
      assert.ok(["help", "train"].includes(parseOptions(argv, DEVICES).kind));
    } catch (error) {
      assert.ok(error instanceof UsageError);
      assert.doesNotMatch(error.message, /\n/);
    }
  }));
});

test("demo text: files that cannot be learned from give a usage error", () => {
  inFolder((folder) => {
    const file = (name: string, content: string | Uint8Array): string => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    const wrong: [string, string][] = [
      [join(folder, "missing.txt"), "no such file"],
      [folder, "is a directory"],
      [file("empty.txt", ""), "is empty"],
      [file("short.txt", "short"), "has 5 characters, expected at least 2000"],
      [file("latin1.txt", new Uint8Array(3000).fill(0xe9)), "is not UTF-8"],
    ];
    for (const [path, part] of wrong) assert.throws(() => readTextFile(path), isUsageError(part));
    const good = "\ufeffé\r\n" + "a".repeat(3000);
    assert.equal(readTextFile(file("good.txt", good)), `é\n${"a".repeat(3000)}`);
  });
});

test("demo text: a few characters encode and decode exactly", () => {
  const alphabet = Array.from("ab é😀\n\ufffd");
  fc.assert(fc.property(
    fc.array(fc.constantFrom(...alphabet), { minLength: 1, maxLength: 200 }).map((c) => c.join("")),
    (text) => {
      const corpus = makeCorpus("x", text);
      assert.equal(corpus.decode(corpus.encode(text)), text);
      assert.equal(corpus.decode([...corpus.train, ...corpus.validation]), text);
      assert.equal(corpus.characters, Array.from(text).length);
      assert.equal(corpus.validation.length, Math.floor(corpus.characters / 10));
      const points = corpus.vocabulary.map((symbol) => symbol.codePointAt(0)!);
      assert.deepEqual(points, [...new Set(points)].sort((a, b) => a - b));
    },
  ));
});

test("demo text: rare characters share one symbol", () => {
  const common = Array.from({ length: 95 }, (_, index) => String.fromCodePoint(0x4e00 + index));
  const text = common.join("").repeat(2) + "\u{1f600}\u{1f601}";
  const corpus = makeCorpus("x", text);
  assert.equal(corpus.vocabulary.length, 96);
  assert.equal(corpus.decode(corpus.encode("\u{1f600}一\u{1f601}?")), "\ufffd一\ufffd\ufffd");
});

test("demo text: symbols that do not exist are errors", () => {
  const corpus = makeCorpus("x", "aabb");
  assert.throws(() => corpus.encode("c"), /"c" is not in the vocabulary/);
  assert.throws(() => corpus.decode([2]), /2 is not from 0 to 1/);
});

test("demo text: the repository's text is long, and its order is fixed", () => {
  const text = repositoryText();
  assert.ok(text.length > 50_000);
  assert.ok(text.indexOf("repositoryText") < text.indexOf("export function detectSpikes"));
  assert.doesNotMatch(text, /\r/);
  inFolder((folder) => {
    for (const name of ["src", "src/b", "src/node_modules"]) mkdirSync(join(folder, name));
    const files = ["README.md", "src/z.ts", "src/b/a b#.ts", "src/a.ts", "src/node_modules/x.ts"];
    for (const name of [...files, "src/data.json", "notes.md"]) {
      writeFileSync(join(folder, name), `${name}\r\n`);
    }
    assert.equal(
      repositoryText(pathToFileURL(`${folder}/`)),
      ["README.md\n", "src/a.ts\n", "src/b/a b#.ts\n", "src/z.ts\n"].join("\n"),
    );
  });
});

test("demo output: what cannot be written is told before anything is written", () => {
  inFolder((folder) => {
    const file = join(folder, "file");
    writeFileSync(file, "old");
    const wrong: [string, string][] = [
      [folder, "it is a directory"],
      [join(folder, "missing", "report.html"), "no such file or directory"],
      [join(file, "report.html"), "directory"],
    ];
    for (const [path, part] of wrong) assert.throws(() => openOutput(path), isUsageError(part));
    if (process.platform !== "win32") {
      assert.throws(() => openOutput("/dev/null"), isUsageError("it is not a regular file"));
      if (process.getuid?.() !== 0) {
        chmodSync(file, 0o444);
        assert.throws(() => openOutput(file), isUsageError("permission denied"));
      }
    }
    assert.equal(readFileSync(file, "utf8"), "old");
    assert.deepEqual(readdirSync(folder), ["file"]);
  });
});

test("demo output: writing replaces the file, also through a link, and leaves nothing else", () => {
  inFolder((folder) => {
    const [file, link] = [join(folder, "report.html"), join(folder, "link.html")];
    const output = openOutput(file);
    assert.ok(!existsSync(file));
    output.write("one");
    symlinkSync(file, link);
    openOutput(link).write("two");
    assert.equal(readFileSync(file, "utf8"), "two");
    assert.deepEqual(readdirSync(folder).sort(), ["link.html", "report.html"]);
  });
});

const MAIN = fileURLToPath(new URL("../examples/char-transformer/main.ts", import.meta.url));

/** The command line that runs the demo in the runtime that runs this test. */
function demo(...argv: string[]): [string, string[]] {
  if (process.versions["deno"] !== undefined) {
    const permissions = ["--no-prompt", "--allow-read", "--allow-write"];
    return [process.execPath, ["run", "--quiet", "--no-check", ...permissions, MAIN, ...argv]];
  }
  return [process.execPath, [...process.execArgv, MAIN, ...argv]];
}

test("demo command: --help prints to stdout and exits with 0", () => {
  const { status, stdout, stderr } = spawnSync(...demo("--help"), { encoding: "utf8" });
  assert.deepEqual([status, stderr], [0, ""]);
  assert.match(stdout, /usage: .*demo/);
});

test("demo command: a mistake gives one line on stderr and exit status 2", () => {
  inFolder((folder) => {
    const wrong = [
      ["--optimizers", "lion"],
      ["--text", join(folder, "missing.txt"), "--out", join(folder, "report.html")],
      ["--out", join(folder, "missing", "report.html")],
    ];
    for (const argv of wrong) {
      const { status, stdout, stderr } = spawnSync(...demo(...argv), { encoding: "utf8" });
      assert.deepEqual([status, stdout], [2, ""]);
      assert.match(stderr, /^demo: --(optimizers|text|out)[^\n]+\n$/);
    }
    assert.deepEqual(readdirSync(folder), []);
  });
});

test("demo command: a short run writes a table, a sample and a whole report", () => {
  inFolder((folder) => {
    const out = join(folder, "report.html");
    const argv = ["--quick", "--steps", "2", "--optimizers", "s3,adamw", "--out", out];
    const { status, stdout, stderr } = spawnSync(...demo(...argv), { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^s3 10x .* complete$/m);
    assert.match(stdout, /^sample of the run/m);
    assert.ok(stdout.endsWith(`\nreport: ${out}\n`));
    const html = readFileSync(out, "utf8");
    assert.ok(html.endsWith("</html>\n") && !html.includes("Partial report"));
    assert.deepEqual(readdirSync(folder), ["report.html"]);
  });
});

test("demo command: Ctrl-C leaves a readable partial report", {
  skip: process.platform === "win32" && "signals end processes there",
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "softstep-"));
  const out = join(folder, "report.html");
  const [command, argv] = demo("--quick", "--steps", "1000000", "--optimizers", "s3", "--out", out);
  const child = spawn(command, argv, { stdio: ["ignore", "ignore", "pipe"] });
  try {
    const exit = once(child, "exit");
    let written = "";
    for await (const chunk of child.stderr!) {
      const before = written.includes("steps/s");
      written += chunk;
      if (!before && written.includes("steps/s")) child.kill("SIGINT");
    }
    const [status, signal] = await exit;
    // Deno reports the signal it sent, also where the process caught it and exited by itself
    if (process.versions["deno"] === undefined) assert.equal(status, 130, written);
    else assert.ok(status === 130 || signal === "SIGINT", written);
    const html = readFileSync(out, "utf8");
    assert.match(html, /<strong>Partial report\.<\/strong>/);
    assert.ok(html.endsWith("</html>\n"));
  } finally {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  }
});
