/** Leaves enough to learn from. */
const FEWEST_CHARACTERS = 2000;
/** More would take long to read, and would not be seen by so small a model. */
const MOST_BYTES = 10e6;

/** Reads a file that a person chose; an error says what is wrong with it. */
export async function readChosenText(file: File): Promise<string> {
  if (file.size > MOST_BYTES) {
    throw new Error(`${file.name} has ${file.size} bytes; expected at most ${MOST_BYTES}.`);
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    throw new Error(`${file.name} is not UTF-8 text.`);
  }
  text = text.replaceAll("\r\n", "\n");
  const characters = Array.from(text).length;
  if (characters < FEWEST_CHARACTERS) {
    throw new Error(
      `${file.name} has ${characters} characters; expected at least ${FEWEST_CHARACTERS}.`,
    );
  }
  return text;
}
