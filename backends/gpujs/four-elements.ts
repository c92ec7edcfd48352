import { mainHead, unexpectedTranslation } from "./gpu.ts";

/** How the entry point names the place of an element, and reads what an array has there. */
const ownPlace = "(0, 0, i32(i32(threadGid.x)))";
const binding = (name: string): RegExp =>
  new RegExp(`(var<storage, \\w+> ${name} : array<)(\\w+)(>;)`);

/** From so many elements on it pays to compile more text. */
const enough = 2 ** 14;
/** Longer ones are bound by arithmetic, and take long to compile. */
const mostLines = 80;

/** Whether a result of one axis has enough elements, and no rest. */
export function isOfFours(extent: number): boolean {
  return extent >= enough && extent % 4 === 0;
}

/**
 * The shader of a kernel of one axis with four elements an invocation, which reads and writes them as vectors: gpu.js has
 * one, and on software GPUs every access of memory is dear. Undefined where it is not worth it or not possible: its body
 * must be a list of assignments, each array of it read at its own place if the result lies over it.
 */
export function withFourElements(code: string, extent: number): string | undefined {
  const at = code.indexOf(mainHead);
  const end = code.lastIndexOf("}");
  const first = /let data_index : i32 = .*\n/.exec(code.slice(at));
  if (at < 0 || first === null) throw unexpectedTranslation("no data_index");
  const from = at + first.index + first[0].length;
  const lines = code.slice(from, end).trim().split("\n");
  const last = /^result\[data_index\] = (.*);return;$/.exec(lines.at(-1)!);
  const assignments = lines.slice(0, -1);
  const isList = assignments.every((line) => /^(?:var|let) \w+ : \w+ = [^{}]*;$/.test(line));
  if (last === null || !isList || lines.length > mostLines) return undefined;

  let head = code.slice(0, at);
  let body = [...assignments, `four[lane] = ${last[1]};`].join("\n");
  const loads: string[] = [];
  for (
    const [, name, accessor] of head.matchAll(/^fn (get_user_\w+)\([^)]*\) -> f32 \{\s*(.*)$/gm)
  ) {
    const reads = body.split(`${name}(`).length - 1;
    const isOwn = reads === body.split(name + ownPlace).length - 1;
    const source = /(\w+)\[u32\(/.exec(accessor!)?.[1];
    if (source === undefined) throw unexpectedTranslation(`no access in ${name}`);
    if (!isOwn && source === "result") return undefined;
    if (!isOwn || reads === 0) continue;
    const array = name!.replace("get_", "");
    // What an element is for gpu.js, as the accessor says: of a word instead of one in memory.
    head = inFours(head, source).replace(
      new RegExp(`^fn ${name}\\([^]*?^\\}\\n`, "m"),
      (text) =>
        text.replace(/\([^)]*\)/, `(element : ${typeOf(head, source)})`)
          .replace(/\w+\[u32\(.*?z\)\)\]/, "element"),
    );
    loads.push(`  let ${array}_four = ${source}[flat_index];\n`);
    body = body.replaceAll(name + ownPlace, `${name}(${array}_four[lane])`);
  }
  const type = typeOf(head, "result");
  head = inFours(head, "result");
  const bound = `>= ${extent}u`;
  const place = "  threadGid = vec3<u32>(flat_index, 0u, 0u);\n";
  const entry = code.slice(at, from).replace(first[0], "");
  if (!entry.includes(bound) || !entry.includes(place)) throw unexpectedTranslation("no bound");
  const copies = [0, 1, 2, 3].map((lane) =>
    `  {\n  threadGid = vec3<u32>(flat_index * 4u + ${lane}u, 0u, 0u);\n` +
    `${body.replaceAll("[lane]", `[${lane}]`)}\n  }\n`
  );
  return `${head}${entry.replace(bound, `>= ${extent / 4}u`).replace(place, "")}${
    loads.join("")
  }  var four : vec4<${type}>;\n${copies.join("")}` +
    `  result[flat_index] = four;\n}`;
}

function typeOf(head: string, array: string): string {
  const type = binding(array).exec(head)?.[2];
  if (type !== undefined) return type;
  const four = new RegExp(`> ${array} : array<vec4<(\\w+)>>;`).exec(head)?.[1];
  if (four === undefined) throw unexpectedTranslation(`no ${array}`);
  return four;
}

function inFours(head: string, array: string): string {
  return head.replace(binding(array), "$1vec4<$2>$3");
}
