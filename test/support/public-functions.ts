import ts from "typescript";
import { root } from "./files.ts";

/** A function that a module exports. */
export interface PublicFunction {
  readonly name: string;
  readonly hasExample: boolean;
  /** The names of its parameters. */
  readonly parameters: readonly string[];
}

/** The functions that the module at a repository path exports, its re-exports included. */
export function publicFunctions(path: string): PublicFunction[] {
  const program = ts.createProgram([root + path], {
    allowImportingTsExtensions: true,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    noEmit: true,
    noLib: true,
    types: [],
  });
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(root + path);
  const module = file && checker.getSymbolAtLocation(file);
  if (!module) throw new Error(`${path} is no module`);
  return checker.getExportsOfModule(module).flatMap((exported) => {
    const symbol = exported.flags & ts.SymbolFlags.Alias
      ? checker.getAliasedSymbol(exported)
      : exported;
    if (!(symbol.flags & ts.SymbolFlags.Value)) return [];
    const [signature] = checker.getTypeOfSymbol(symbol).getCallSignatures();
    if (signature === undefined) return [];
    const hasExample = symbol.getJsDocTags(checker).some((tag) => tag.name === "example");
    const parameters = signature.parameters.map(({ name }) => name);
    return [{ name: exported.name, hasExample, parameters }];
  });
}
