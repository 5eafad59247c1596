import ts from 'typescript'

/**
 * The types of a package that its exports name and its entry does not export, as `Name (file)`:
 * a user meets them and cannot name them. Helpers that a module keeps to itself do not count.
 */
export function unexportedTypes(entry: string): string[] {
  const program = ts.createProgram([entry], {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    skipLibCheck: true,
  })
  const checker = program.getTypeChecker()
  const folder = entry.slice(0, entry.lastIndexOf('/'))
  const file = program.getSourceFile(entry)
  const module = file && checker.getSymbolAtLocation(file)
  if (module === undefined) throw new Error(`${entry} is no module`)
  const exported = new Set(checker.getExportsOfModule(module).map((symbol) => original(checker, symbol)))
  const found = new Set<string>()
  const seen = new Set<ts.Symbol>()
  const visit = (node: ts.Node): void => {
    const name = nameOf(node)
    if (name !== undefined) {
      const symbol = checker.getSymbolAtLocation(name)
      if (symbol !== undefined) check(original(checker, symbol))
    }
    ts.forEachChild(node, visit)
  }
  const check = (symbol: ts.Symbol): void => {
    const [declaration] = symbol.declarations ?? []
    const where = declaration?.getSourceFile().fileName ?? ''
    if (declaration === undefined || !where.startsWith(folder) || ts.isTypeParameterDeclaration(declaration))
      return
    if (exported.has(symbol)) return
    if (isExported(declaration)) found.add(`${symbol.name} (${where.slice(folder.length + 1)})`)
    else if (!seen.has(symbol)) {
      seen.add(symbol)
      for (const each of symbol.declarations ?? []) visit(each)
    }
  }
  for (const symbol of exported) for (const declaration of symbol.declarations ?? []) visit(declaration)
  return [...found].sort()
}

/** What names a type at this node. */
function nameOf(node: ts.Node): ts.Node | undefined {
  if (ts.isTypeReferenceNode(node)) return node.typeName
  if (ts.isExpressionWithTypeArguments(node)) return node.expression
  return ts.isImportTypeNode(node) ? node.qualifier : undefined
}

function original(checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol {
  return (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol)
}

function isExported(declaration: ts.Declaration): boolean {
  return (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Export) !== 0
}
