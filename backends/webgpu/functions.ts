import type { FunctionText, Width } from "./function-text.ts";
import { numberFunctions } from "./functions-numbers.ts";
import { mathFunctions } from "./math/mod.ts";

const texts: Readonly<Record<string, FunctionText>> = { ...numberFunctions, ...mathFunctions };

/** The functions that one shader needs. */
export interface Functions {
  /** The name of a function for a width; its text becomes part of the shader. */
  use(name: string, width: Width): string;
  /** 1, 2, 3, ... */
  number(): number;
  /** The texts, callees first. */
  text(): string;
}

/** None yet. */
export function createFunctions(): Functions {
  const written = new Map<string, string>();
  let numbers = 0;

  function use(name: string, width: Width): string {
    const full = nameOf(name, width);
    if (written.has(full)) return full;
    const definition = texts[name]!;
    // Its place in the map is behind the functions that it calls.
    const text = definition.each !== undefined && width === 4
      ? spread(name, definition.each, use(name, 1))
      : forWidth(definition.text, width, (callee) => use(callee, width));
    written.set(full, text);
    return full;
  }

  return { use, number: () => ++numbers, text: () => [...written.values()].join("\n") };
}

function nameOf(name: string, width: Width): string {
  return width === 1 ? name : `${name}4`;
}

const scalars: Readonly<Record<string, string>> = { F: "f32", I: "i32", U: "u32", B: "bool" };

function typeOf(letter: string, width: Width): string {
  return width === 1 ? scalars[letter]! : `vec4<${scalars[letter]}>`;
}

function forWidth(text: string, width: Width, use: (callee: string) => string): string {
  return text.trimStart()
    .replace(/^fn \$(\w+)/, (_, name: string) => `fn ${nameOf(name, width)}`)
    .replace(/\$(\w+)/g, (_, callee: string) => use(callee))
    .replace(/\b[FIUB]\b/g, (letter) => typeOf(letter, width));
}

/** A function of single elements, applied to those of a vector. */
function spread(name: string, each: NonNullable<FunctionText["each"]>, scalar: string): string {
  const letters = ["x", "y", "z"].slice(0, each.from.length);
  const parameters = letters.map((letter, i) => `${letter}: ${typeOf(each.from[i]!, 4)}`);
  const to = typeOf(each.to, 4);
  const calls = ["x", "y", "z", "w"].map((lane) =>
    `${scalar}(${letters.map((letter) => `${letter}.${lane}`).join(", ")})`
  );
  return `fn ${nameOf(name, 4)}(${parameters.join(", ")}) -> ${to} {
  return ${to}(
    ${calls.join(",\n    ")},
  );
}
`;
}
