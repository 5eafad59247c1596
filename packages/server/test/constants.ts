import { readFile, readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const FOLDERS = ['synod/src', 'server/src', 'store/src']

const OPERATORS = new Map<string, (a: number, b: number) => number>([
  ['+', (a, b) => a + b],
  ['-', (a, b) => a - b],
  ['*', (a, b) => a * b],
  ['/', (a, b) => a / b],
  ['**', (a, b) => a ** b],
  ['<<', (a, b) => a * 2 ** b],
])

/**
 * The numbers that stand as constants at the top of the sources, exported or not, by `file#NAME`,
 * such as `call.ts#MAX_CALLS`.
 */
export class Constants {
  readonly #nodes = new Map<string, ts.Expression>()

  static async read(): Promise<Constants> {
    const constants = new Constants()
    for (const folder of FOLDERS) {
      for (const name of await readdir(`${ROOT}/${folder}`, { recursive: true })) {
        if (!name.endsWith('.ts')) continue
        const text = await readFile(`${ROOT}/${folder}/${name}`, 'utf8')
        constants.#take(folder === 'synod/src' ? name : `${folder.replace('/src', '')}/${name}`, text)
      }
    }
    return constants
  }

  get names(): string[] {
    return [...this.#nodes.keys()]
  }

  /** Throws if there is no such number. `file#NAME.part` is one of several in an object. */
  value(name: string): number {
    const [file = '', path = ''] = name.split('#')
    const [constant = '', part] = path.split('.')
    const node = this.#nodes.get(`${file}#${constant}`)
    if (node === undefined) throw new Error(`there is no constant ${name}`)
    return this.#evaluate(part === undefined ? node : partOf(node, part), file)
  }

  #take(file: string, text: string): void {
    for (const statement of ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true).statements) {
      if (!ts.isVariableStatement(statement)) continue
      for (const { initializer, name } of statement.declarationList.declarations)
        if (initializer !== undefined) this.#nodes.set(`${file}#${name.getText()}`, initializer)
    }
  }

  #evaluate(node: ts.Expression, file: string): number {
    if (ts.isNumericLiteral(node)) return Number(node.text)
    if (ts.isParenthesizedExpression(node)) return this.#evaluate(node.expression, file)
    if (ts.isIdentifier(node)) return this.value(this.#find(node.text, file))
    if (!ts.isBinaryExpression(node)) throw new Error(`${node.getText()} in ${file} is no plain number`)
    const [a, b] = [this.#evaluate(node.left, file), this.#evaluate(node.right, file)]
    const operator = OPERATORS.get(node.operatorToken.getText())
    if (operator === undefined) throw new Error(`${node.getText()} in ${file} is no plain number`)
    return operator(a, b)
  }

  /** In the same file, or imported from the only other one that has it. */
  #find(name: string, file: string): string {
    if (this.#nodes.has(`${file}#${name}`)) return `${file}#${name}`
    const found = this.names.filter((each) => each.endsWith(`#${name}`))
    if (found.length !== 1) throw new Error(`${name}, used in ${file}, is in ${found.length} files`)
    return found[0]!
  }
}

function partOf(node: ts.Expression, part: string): ts.Expression {
  if (ts.isObjectLiteralExpression(node))
    for (const property of node.properties)
      if (ts.isPropertyAssignment(property) && property.name.getText() === part) return property.initializer
  throw new Error(`${node.getText()} has no ${part}`)
}
