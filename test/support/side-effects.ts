import ts from "typescript";

/**
 * Whether a module does something when it is loaded: a top-level statement that declares nothing.
 * A call that initialises a binding does not count; it carries a PURE comment where a bundler needs
 * one. Neither does an import without names: it matters only together with what imports it.
 */
export function hasSideEffects(text: string): boolean {
  const file = ts.createSourceFile("module.ts", text, ts.ScriptTarget.Latest);
  return file.statements.some((statement) => !isDeclaration(statement));
}

function isDeclaration(statement: ts.Statement): boolean {
  return ts.isVariableStatement(statement) || ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) || ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) || ts.isExportDeclaration(statement) ||
    ts.isImportDeclaration(statement) || ts.isModuleDeclaration(statement);
}
