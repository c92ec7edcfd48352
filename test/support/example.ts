import ts from "typescript";

/** A code block of the documents, ready to run. */
export interface Example {
  /** What it documents: a symbol's name, or a heading of a Markdown file. */
  readonly subject: string;
  /** The line in its file on which the code begins, from 1. */
  readonly line: number;
  readonly code: string;
}

const fence = /^```ts[^\n]*\n([^]*?)^```/gm;

/** The ```ts blocks in the doc comments of a module. */
export function examplesOfModule(text: string): Example[] {
  const file = parse(text);
  const found: Example[] = [];
  const seen = new Set<number>();
  visit(file, (node) => {
    for (const doc of ts.getJSDocCommentsAndTags(node)) {
      if (!ts.isJSDoc(doc) || seen.has(doc.pos)) continue;
      seen.add(doc.pos);
      const plain = text.slice(doc.pos, doc.end).replace(/^[ \t]*(\/\*\*|\*\/|\*) ?/gm, "");
      const firstLine = file.getLineAndCharacterOfPosition(doc.pos).line;
      found.push(...blocks(plain, firstLine).map((b) => ({ ...b, subject: nameOf(node) })));
    }
  });
  return found;
}

/** The ```ts blocks of a Markdown text. */
export function examplesOfMarkdown(text: string): Example[] {
  return blocks(text, 0).map((block) => {
    const above = text.split("\n").slice(0, block.line - 1);
    const heading = above.findLast((line) => /^#+ /.test(line)) ?? "";
    return { ...block, subject: heading.replace(/^#+ /, "") };
  });
}

/**
 * The example's code with its expectations made checks. `// => text` behind a statement, or on the
 * lines below it (`//    text` continues it), says what the statement prints. A bare expression and
 * a declaration of one name print their value. The code needs `console` and `expectPrinted` in
 * scope, as example-console.ts makes them.
 */
export function executable(example: Example): string {
  const { code } = example;
  const file = parse(code);
  const expectations = findExpectations(code);
  const edits: { at: number; text: string }[] = [];
  visit(file, (node) => {
    const expectation = expectations.find((e) => e.follows === node.end);
    if (!expectation || !ts.isStatement(node) || ts.isBlock(node)) return;
    const end = code[node.end - 1] === ";" ? "" : ";";
    if (ts.isExpressionStatement(node) && !isConsoleLog(node.expression)) {
      edits.push({ at: node.getStart(file), text: "console.log(" });
      edits.push({ at: node.expression.end, text: ")" });
    } else if (ts.isVariableStatement(node)) {
      const name = node.declarationList.declarations.at(-1)?.name.getText(file);
      edits.push({ at: node.end, text: `${end} console.log(${name});` });
    }
    const line = example.line + file.getLineAndCharacterOfPosition(expectation.start).line;
    edits.push({
      at: node.end,
      text: `${ts.isVariableStatement(node) ? "" : end} expectPrinted(${
        JSON.stringify(expectation.text)
      }, ${line});`,
    });
    expectations.splice(expectations.indexOf(expectation), 1);
  });
  const [stray] = expectations;
  if (stray) throw new Error(`"// => ${stray.text}" stands behind no statement`);
  return edits.reduceRight(
    (text, edit) => text.slice(0, edit.at) + edit.text + text.slice(edit.at),
    code,
  );
}

interface Expectation {
  readonly text: string;
  /** Where its comment starts. */
  readonly start: number;
  /** Where the code before it ends. */
  readonly follows: number;
}

function findExpectations(code: string): Expectation[] {
  const found: Expectation[] = [];
  for (const match of code.matchAll(/\/\/ => (.*(?:\n[ \t]*\/\/ {2,}.*)*)/g)) {
    found.push({
      text: (match[1] ?? "").replace(/\n[ \t]*\/\//g, "\n"),
      start: match.index,
      follows: code.slice(0, match.index).trimEnd().length,
    });
  }
  return found;
}

function blocks(text: string, linesBefore: number): { line: number; code: string }[] {
  return [...text.matchAll(fence)].map((match) => ({
    line: linesBefore + text.slice(0, match.index).split("\n").length + 1,
    code: match[1] ?? "",
  }));
}

function parse(text: string): ts.SourceFile {
  return ts.createSourceFile("module.ts", text, ts.ScriptTarget.Latest, true);
}

function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node);
  ts.forEachChild(node, (child) => visit(child, see));
}

function isConsoleLog(node: ts.Expression): boolean {
  return ts.isCallExpression(node) && node.expression.getText() === "console.log";
}

function nameOf(node: ts.Node): string {
  if (ts.isVariableStatement(node)) {
    return node.declarationList.declarations.map((d) => d.name.getText()).join(", ");
  }
  const name = (node as ts.NamedDeclaration).name?.getText();
  const owner = node.parent;
  if (name === undefined) return "module";
  return ts.isClassDeclaration(owner) || ts.isInterfaceDeclaration(owner)
    ? `${owner.name?.getText()}.${name}`
    : name;
}
