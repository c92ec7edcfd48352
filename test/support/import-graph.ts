import { posix } from "node:path";
import ts from "typescript";

/** Each module's path with the modules that it imports: repository paths, or bare specifiers. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** The layers of src/, bottom to top; folders in one row may not import each other. */
export const layers: readonly (readonly string[])[] = [
  ["core"],
  ["graph"],
  ["backend"],
  ["compiler"],
  ["tensor"],
  ["tree"],
  ["tracing"],
  ["primitives"],
  ["ops"],
  ["transforms"],
  ["nn", "optim"],
  ["train"],
];

/** The highest layer that a backend may import. */
const backendCeiling = layers.findIndex((row) => row.includes("backend"));

/** Reads every import, export-from, import type and dynamic import of the given sources. */
export function importGraph(sources: ReadonlyMap<string, string>): ImportGraph {
  const graph = new Map<string, string[]>();
  for (const [path, text] of sources) {
    const specifiers = ts.preProcessFile(text, true, true).importedFiles.map((f) => f.fileName);
    graph.set(path, [...new Set(specifiers.map((specifier) => resolve(path, specifier)))]);
  }
  return graph;
}

/** The modules that are loaded together with one: by imports that are not of types alone, nor dynamic unless asked. */
export function loadedWith(
  start: string,
  sources: ReadonlyMap<string, string>,
  options: { readonly dynamic?: boolean } = {},
): string[] {
  const loaded = new Set([start]);
  for (const path of loaded) {
    const file = ts.createSourceFile(path, sources.get(path) ?? "", ts.ScriptTarget.Latest);
    const specifiers = file.statements.map(loadedBy);
    if (options.dynamic) specifiers.push(...dynamicImports(file));
    for (const specifier of specifiers) {
      if (specifier !== undefined) loaded.add(resolve(path, specifier));
    }
  }
  return [...loaded];
}

function dynamicImports(node: ts.Node): string[] {
  const inner: string[] = [];
  ts.forEachChild(node, (child) => void inner.push(...dynamicImports(child)));
  if (!ts.isCallExpression(node) || node.expression.kind !== ts.SyntaxKind.ImportKeyword) {
    return inner;
  }
  const [specifier] = node.arguments;
  return specifier && ts.isStringLiteral(specifier) ? [...inner, specifier.text] : inner;
}

/** What a statement loads when its module is loaded. */
function loadedBy(statement: ts.Statement): string | undefined {
  const isTypes = (ts.isImportDeclaration(statement) && statement.importClause?.isTypeOnly) ||
    (ts.isExportDeclaration(statement) && statement.isTypeOnly);
  const specifier = ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)
    ? statement.moduleSpecifier
    : undefined;
  if (isTypes || specifier === undefined) return undefined;
  return ts.isStringLiteral(specifier) ? specifier.text : undefined;
}

/** One line for each import that the layers forbid, and for each file outside a known layer. */
export function layerViolations(graph: ImportGraph): string[] {
  const violations: string[] = [];
  for (const [path, imports] of graph) {
    if (path === "mod.ts") continue;
    const complain = (text: string) => violations.push(`${path} ${text}`);
    if (path.startsWith("src/") && layerOf(path) < 0) complain("lies in no known layer");
    for (const target of imports) {
      const reason = forbidden(path, target);
      if (reason !== undefined) complain(`imports ${target}: ${reason}`);
      else if (isModule(target) && !graph.has(target)) complain(`imports ${target}: no such file`);
    }
  }
  return violations;
}

/** A shortest circle of imports, its first module repeated at the end; undefined when there is none. */
export function importCycle(graph: ImportGraph): string[] | undefined {
  let shortest: string[] | undefined;
  for (const start of graph.keys()) {
    const cycle = pathBackTo(start, graph);
    if (cycle && cycle.length < (shortest?.length ?? Infinity)) shortest = cycle;
  }
  return shortest;
}

function resolve(from: string, specifier: string): string {
  return specifier.startsWith(".") ? posix.join(posix.dirname(from), specifier) : specifier;
}

function isModule(target: string): boolean {
  return target === "mod.ts" || target.startsWith("src/") || target.startsWith("backends/");
}

function layerOf(path: string): number {
  const [top, folder] = path.split("/");
  return top === "src" ? layers.findIndex((row) => row.includes(folder ?? "")) : -1;
}

function forbidden(path: string, target: string): string | undefined {
  const [top, folder] = path.split("/");
  const [targetTop, targetFolder] = target.split("/");
  if (target === "mod.ts") return "only what stands outside src/ and backends/ imports mod.ts";
  if (top === "src") {
    if (targetTop === "backends") return "src/ reaches a backend through the registry only";
    if (targetTop !== "src") return "src/ depends on nothing outside itself";
    if (targetFolder === folder) return undefined;
    return layerOf(target) < layerOf(path) ? undefined : "not a layer below";
  }
  // The files directly in backends/ join them.
  if (path.split("/").length === 2 && targetTop === "backends") return undefined;
  if (targetTop === "backends") {
    return targetFolder === folder ? undefined : "backends know nothing of each other";
  }
  if (targetTop === "src" && layerOf(target) > backendCeiling) {
    return "backends import the layers up to backend/ only";
  }
  return undefined;
}

/** Breadth first, so the circle through `start` is a shortest one. */
function pathBackTo(start: string, graph: ImportGraph): string[] | undefined {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const module of queue) {
    for (const target of graph.get(module) ?? []) {
      if (target === start) {
        const path = [start];
        for (let at = module; at !== start; at = cameFrom.get(at) ?? start) path.unshift(at);
        return [start, ...path];
      }
      if (graph.has(target) && !cameFrom.has(target)) {
        cameFrom.set(target, module);
        queue.push(target);
      }
    }
  }
  return undefined;
}
