/** Trains in a thread of its own, so that the page stays alive whatever the device does. */
import { makeCorpus } from "../char-transformer/corpus.ts";
import type { Reply, Request } from "./messages.ts";
import { openDevice } from "./open-device.ts";
import { type OptimizerOptions, type Race, startRace } from "./race.ts";

const SAMPLE_CHARACTERS = 200;
/** Milliseconds of training before the first sample of text, and then so many times what the last sample took. */
const [SAMPLE_AFTER, SAMPLE_SHARE] = [6000, 10];

const say = (reply: Reply): void => postMessage(reply);

let race: Race | undefined;
let options: OptimizerOptions;
let running = false;
let working = false;
let steps = 0;

onmessage = async ({ data }: MessageEvent<Request>) => {
  try {
    await answer(data);
  } catch (error) {
    running = false;
    say({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
};

async function answer(request: Request): Promise<void> {
  switch (request.kind) {
    case "prepare": {
      ({ options } = request);
      const { name, description } = await openDevice(request.device);
      const corpus = makeCorpus("text", request.text);
      race = startRace(corpus, name, request.size, request.seed, options);
      say({ kind: "ready", device: description, parameters: race.parameters });
      return;
    }
    case "options":
      ({ options } = request);
      return;
    case "pause":
      running = false;
      return;
    case "run":
      running = true;
      if (race === undefined || working) return;
      working = true;
      await work(race).finally(() => working = false);
  }
}

/** Trains, and after a pause is asked for writes something. */
async function work(race: Race): Promise<void> {
  let sampleAt = Infinity;
  const sample = async (goesOn: () => boolean): Promise<void> => {
    const start = performance.now();
    const texts = await race.sample(SAMPLE_CHARACTERS, () => turn().then(goesOn));
    if (texts !== undefined) say({ kind: "sample", texts });
    const end = performance.now();
    sampleAt = end + Math.max(SAMPLE_AFTER, SAMPLE_SHARE * (end - start));
  };
  while (running) {
    while (running) {
      const { p } = options;
      race.set(options);
      const report = await race.step();
      say({ kind: "step", step: ++steps, p, report });
      // From the first step on, which is compiled before.
      if (sampleAt === Infinity) sampleAt = performance.now() + SAMPLE_AFTER;
      if (running && performance.now() > sampleAt) await sample(() => running);
      await turn();
    }
    say({ kind: "paused" });
    await sample(() => !running);
  }
}

const { port1, port2 } = new MessageChannel();

/** Lets messages have their turn: a device that computes at once never waits. Timers would wait for milliseconds. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    port1.onmessage = () => resolve();
    port2.postMessage(undefined);
  });
}
