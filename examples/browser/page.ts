/** The page: its controls speak to the training thread, whose answers it shows. */
import { formatCount, formatNumber } from "../../src/train/number-format.ts";
import { readChosenText } from "./chosen-text.ts";
import {
  type History,
  LABEL_WIDTH,
  type LiveChart,
  lossChart,
  TITLES,
  updateChart,
} from "./live-chart.ts";
import type { DeviceChoice, Reply, Request } from "./messages.ts";
import { createPace } from "./pace.ts";
import { type OptimizerOptions, type RacerName, RACERS, type SizeName } from "./race.ts";

/** Drawing takes at most this share of the time. */
const DRAWING_SHARE = 1 / 5;

const element = <Kind extends HTMLElement>(id: string): Kind => document.getElementById(id) as Kind;

const [runButton, resetButton] = [
  element<HTMLButtonElement>("run"),
  element<HTMLButtonElement>("reset"),
];
const [deviceChoice, sizeChoice] = [
  element<HTMLSelectElement>("device"),
  element<HTMLSelectElement>("size"),
];
const textChoice = element<HTMLInputElement>("text");
const status = element("status");

/** What the thread is doing. */
type State = "preparing" | "idle" | "running" | "failed";

let thread: Worker | undefined;
let state: State = "preparing";
/** Whether training is to go on as soon as it can. */
let wanted = false;
/** The p that is being compiled: no step was made with it yet. */
let compiling: number | undefined;
let text = "";
let steps = 0;
let histories = emptyHistories();
const pace = createPace();

function emptyHistories(): Record<RacerName, History> {
  const history = (): History => ({ loss: [], maxUpdate: [], rate: [] });
  return { s3: history(), adamw: history() };
}

const say = (request: Request): void => thread?.postMessage(request);

function show(words: string, failed = false): void {
  // Screen readers say what changes, and nothing else.
  if (status.textContent !== words) status.textContent = words;
  status.classList.toggle("failed", failed);
}

/** Writes the state on the button and into the status line. */
function showState(): void {
  runButton.textContent = wanted ? "Pause" : steps > 0 ? "Resume" : "Start";
  runButton.disabled = state === "failed";
  resetButton.disabled = false;
  if (state === "preparing") show("Getting ready …");
  else if (state === "idle") show(steps > 0 ? `Paused.${brokenInWords()}` : "Ready.");
  else if (state === "running") {
    if (!wanted) show("Pausing after this step …");
    else if (compiling !== undefined) {
      show(steps > 0 ? `Compiling S3's step for p = ${compiling} …` : "Compiling the first step …");
    } else show(`Training.${brokenInWords()}`);
  }
}

function fail(message: string): void {
  state = "failed";
  wanted = false;
  thread?.terminate();
  showState();
  const reason = message.replace(/\.$/, "");
  show(`This did not work: ${reason}. Choose another device, or press Reset.`, true);
  requestDraw();
}

/** Says whose loss is no number any more, and since when. */
function brokenInWords(): string {
  return RACERS.map((name) => {
    const { loss } = histories[name];
    if (loss.length === 0 || Number.isFinite(loss.at(-1))) return "";
    const since = loss.findLastIndex(Number.isFinite) + 2;
    return ` ${TITLES[name]}'s loss is ${
      loss.at(-1)
    } since step ${since}: Reset, and lower its rate.`;
  }).join("");
}

/** Begins anew, in a new thread: one that hangs or has failed is left behind. */
function prepare(): void {
  thread?.terminate();
  const mine = thread = new Worker(new URL("./training-thread.js", import.meta.url), {
    type: "module",
  });
  mine.onmessage = ({ data }: MessageEvent<Reply>) => {
    if (mine === thread) hear(data);
  };
  mine.onerror = ({ message }) => {
    if (mine === thread) fail(message || "the training thread does not start");
  };
  state = "preparing";
  steps = 0;
  histories = emptyHistories();
  pace.clear();
  for (const name of RACERS) element(`sample-${name}`).textContent = "Nothing yet.";
  element("about-device").textContent = "";
  showState();
  requestDraw();
  say({
    kind: "prepare",
    text,
    device: deviceChoice.value as DeviceChoice,
    size: sizeChoice.value as SizeName,
    seed: 0,
    options: readSliders(),
  });
}

function start(): void {
  state = "running";
  if (steps === 0) compiling = readSliders().p;
  say({ kind: "run" });
}

function hear(reply: Reply): void {
  switch (reply.kind) {
    case "ready":
      element("about-device").textContent = `${reply.device} · ${
        formatCount(reply.parameters)
      } parameters each`;
      state = "idle";
      if (wanted) start();
      return showState();
    case "step":
      for (const name of RACERS) {
        const { loss, maxUpdate, rate } = reply.report[name];
        histories[name].loss.push(loss);
        histories[name].maxUpdate.push(maxUpdate);
        histories[name].rate.push(rate);
      }
      steps = reply.step;
      if (reply.p === compiling) compiling = undefined;
      pace.note(steps, performance.now());
      if (wanted && RACERS.every((name) => !Number.isFinite(reply.report[name].loss))) toggle();
      return requestDraw();
    case "sample":
      for (const name of RACERS) {
        element(`sample-${name}`).textContent = reply.texts[name].trim() || "Nothing but spaces.";
      }
      return;
    case "paused":
      pace.clear();
      if (wanted) return;
      state = "idle";
      return requestDraw();
    case "failed":
      return fail(reply.message);
  }
}

function toggle(): void {
  wanted = !wanted;
  if (wanted && state === "idle") start();
  else if (state === "running") say({ kind: wanted ? "run" : "pause" });
  showState();
}

let drawing = false;
let drawAfter = 0;

/** Draws with the next frame, which a hidden page does not have, and not too often. */
function requestDraw(): void {
  if (drawing) return;
  drawing = true;
  setTimeout(() =>
    requestAnimationFrame(() => {
      drawing = false;
      const start = performance.now();
      draw();
      const end = performance.now();
      drawAfter = end + (end - start) / DRAWING_SHARE;
    }), Math.max(0, drawAfter - performance.now()));
}

function draw(): void {
  showState();
  const perSecond = pace.read();
  element("pace").textContent = steps === 0
    ? ""
    : `step ${formatCount(steps)}${
      perSecond === undefined ? "" : `, ${formatNumber(perSecond, 2)} a second`
    }`;
  const drawInto = (name: string, { svg, note }: LiveChart): void => {
    element(`${name}-chart`).innerHTML = svg;
    element(`${name}-note`).textContent = note;
  };
  drawInto("loss", lossChart(histories));
  drawInto("update", updateChart(histories));
  for (const name of RACERS) {
    const { loss, maxUpdate } = histories[name];
    const last = (values: readonly number[]): string =>
      values.length === 0 ? "" : formatNumber(values.at(-1)!, 3);
    element(`loss-${name}`).textContent = last(loss);
    element(`update-${name}`).textContent = last(maxUpdate);
  }
}

/** Reads the sliders and writes beside them what they say; rates are powers of ten. */
function readSliders(): OptimizerOptions {
  const read = (id: string, value: (position: number) => number): number => {
    const slider = element<HTMLInputElement>(id);
    const found = value(Number(slider.value));
    element(`${id}-value`).textContent = String(found);
    slider.setAttribute("aria-valuetext", String(found));
    return found;
  };
  const power = (exponent: number) => Number((10 ** exponent).toPrecision(2));
  return {
    rates: { s3: read("rate-s3", power), adamw: read("rate-adamw", power) },
    p: read("order", (order) => order),
  };
}

runButton.onclick = toggle;
resetButton.onclick = () => {
  wanted = false;
  prepare();
};
deviceChoice.onchange = prepare;
sizeChoice.onchange = prepare;
textChoice.onchange = async () => {
  const [file] = textChoice.files ?? [];
  if (file === undefined) return;
  element("text-problem").textContent = "";
  try {
    text = await readChosenText(file);
    prepare();
  } catch (error) {
    textChoice.value = "";
    element("text-problem").textContent = (error as Error).message;
  }
};
for (const id of ["rate-s3", "rate-adamw", "order"]) {
  element(id).oninput = () => {
    const options = readSliders();
    if (id === "order") compiling = options.p;
    say({ kind: "options", options });
    showState();
  };
}

document.body.style.setProperty("--names", String(LABEL_WIDTH));
/** Choices in the address, "?device=cpu&size=tiny", are those at the start. */
const address = new URLSearchParams(location.search);
for (const choice of [deviceChoice, sizeChoice]) {
  const asked = address.get(choice.id);
  if ([...choice.options].some(({ value }) => value === asked)) choice.value = asked!;
}
readSliders();
try {
  const answer = await fetch(new URL("./text.txt", import.meta.url));
  if (!answer.ok) throw new Error(`text.txt: ${answer.status} ${answer.statusText}`);
  text = await answer.text();
  runButton.disabled = false;
  prepare();
} catch (error) {
  show(`This page does not load: ${(error as Error).message}.`, true);
}
