/** A text as the model sees it: numbers from 0 to the size of the vocabulary. */
export interface Corpus {
  readonly name: string;
  /** Characters (code points) of the whole text. */
  readonly characters: number;
  /** The symbols, sorted by code point. */
  readonly vocabulary: readonly string[];
  /** The first nine tenths of the text. */
  readonly train: Int32Array;
  /** The last tenth, which is never trained on. */
  readonly validation: Int32Array;
  encode(text: string): Int32Array;
  decode(symbols: ArrayLike<number>): string;
}

const MOST_SYMBOLS = 96;
const VALIDATION_SHARE = 0.1;
/** Stands for every character too rare to have a symbol of its own. */
const REPLACEMENT = "\ufffd";

/** Gives every frequent character a number, and splits the text for training and validation. */
export function makeCorpus(name: string, text: string): Corpus {
  const characters = Array.from(text);
  const vocabulary = chooseVocabulary(characters);
  const numbers = new Map(vocabulary.map((symbol, index) => [symbol, index]));
  const rare = numbers.get(REPLACEMENT);
  const encodeAll = (symbols: readonly string[]): Int32Array =>
    Int32Array.from(symbols, (symbol) => {
      const number = numbers.get(symbol) ?? rare;
      if (number === undefined) {
        throw new Error(`encode: ${JSON.stringify(symbol)} is not in the vocabulary`);
      }
      return number;
    });
  const split = characters.length - Math.floor(VALIDATION_SHARE * characters.length);
  const encoded = encodeAll(characters);
  return {
    name,
    characters: characters.length,
    vocabulary,
    train: encoded.slice(0, split),
    validation: encoded.slice(split),
    encode: (written) => encodeAll(Array.from(written)),
    decode: (symbols) =>
      Array.from(symbols, (number) => {
        const symbol = vocabulary[number];
        if (symbol === undefined) {
          throw new Error(`decode: ${number} is not from 0 to ${vocabulary.length - 1}`);
        }
        return symbol;
      }).join(""),
  };
}

/** All characters if they are few; else the most frequent ones and the replacement. */
function chooseVocabulary(characters: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const character of characters) counts.set(character, (counts.get(character) ?? 0) + 1);
  let kept = [...counts.keys()];
  if (kept.length > MOST_SYMBOLS) {
    kept = kept
      .filter((character) => character !== REPLACEMENT)
      .sort((a, b) => counts.get(b)! - counts.get(a)! || a.codePointAt(0)! - b.codePointAt(0)!)
      .slice(0, MOST_SYMBOLS - 1);
    kept.push(REPLACEMENT);
  }
  return kept.sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);
}
