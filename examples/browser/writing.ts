import {
  add,
  arange,
  categorical,
  concat,
  deviceGet,
  equal,
  foldIn,
  jit,
  less,
  minimum,
  mul,
  reshape,
  slice,
  squeeze,
  take,
  type Tensor,
  tensor,
  where,
} from "../../mod.ts";
import type { Corpus } from "../char-transformer/corpus.ts";
import { type ModelParams, type ModelSize, predict } from "../char-transformer/model.ts";

/** Lets a model write so many characters; undefined if `goesOn` says no before its end. */
export type Write = (
  params: () => ModelParams,
  characters: number,
  goesOn: () => Promise<boolean>,
) => Promise<string | undefined>;

const TEMPERATURE = 0.8;

/**
 * Gets ready to write. What is written stays on the device, where the next character depends on it, and is read at the
 * end: on a GPU each wait costs milliseconds.
 */
export function startWriting(
  corpus: Corpus,
  { context, heads }: ModelSize,
  device: string,
  key: Tensor,
): Write {
  const onDevice = { dtype: "int32", device } as const;
  const writeNext = jit((params: ModelParams, seen: Tensor, count: Tensor) => {
    const place = minimum(count, context - 1);
    const logits = take(squeeze(predict(params, reshape(seen, [1, context]), heads), 0), place);
    const next = categorical(foldIn(key, count), mul(logits, 1 / TEMPERATURE));
    const filled = where(equal(arange(context), add(place, 1)), next, seen);
    const moved = concat([slice(seen, [1]), reshape(next, [1])]);
    return {
      next,
      seen: where(less(count, context - 1), filled, moved),
      count: add(count, 1),
    };
  });
  const first = new Int32Array(context);
  first[0] = Math.max(0, corpus.vocabulary.indexOf("\n"));

  return async (params, characters, goesOn) => {
    let [seen, count] = [tensor(first, onDevice), tensor(0, onDevice)];
    const written: Tensor[] = [];
    while (written.length < characters) {
      if (!await goesOn()) return undefined;
      const step = writeNext(params(), seen, count);
      ({ seen, count } = step);
      written.push(step.next);
    }
    const read = await deviceGet(written);
    return corpus.decode(read.map((character) => character[0]!));
  };
}
