// Works without ever waiting, and prints how large the process is at most, and how much it has grown since it was warm.
import process from "node:process";
import { adamw, add, tensor } from "../../mod.ts";
import { network, trainer } from "./training.ts";

const [work, device, turns] = process.argv.slice(2) as ["train" | "eager", string, string];

function turnOf(): () => unknown {
  if (work === "train") return trainer(network(device), adamw({ learningRate: 0.001 })).step;
  const x = tensor(new Float32Array(2 ** 18), { device });
  let last = x;
  return () => last = add(x, last);
}

const turn = turnOf();
const warm = Math.floor(Number(turns) / 4);
let [first, most] = [0, 0];
for (let i = 0; i < Number(turns); i++) {
  turn();
  if (i === warm) first = process.memoryUsage().rss;
  if (i >= warm && i % 100 === 0) most = Math.max(most, process.memoryUsage().rss);
}
console.log(JSON.stringify({ peak: most, growth: most - first }));
