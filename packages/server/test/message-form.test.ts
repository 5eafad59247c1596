// The form of all messages of errors, in the library and in the command: lower case, no full stop
// at the end, one sentence.
import { readFile, readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/** The functions that take the message of an error, or a part of it, as an argument. */
const TAKES_A_MESSAGE =
  /^(?:\w*Error|IdentityFault|invalid|malformed|refused|overloaded|findingOf|journalFailed)$/

/** Words that begin with a capital wherever they stand. */
const NAMES = /^(?:UTF-8|JSON|Synod|SIG[A-Z]+|E[A-Z]+:)/

interface Message {
  readonly where: string
  readonly text: string
}

/** The text of a literal, with … for what is put in; undefined for what is none. */
function textOf(node: ts.Node): string | undefined {
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text
  if (ts.isTemplateExpression(node))
    return node.head.text + node.templateSpans.map(({ literal }) => `…${literal.text}`).join('')
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken)
    return (textOf(node.left) ?? '…') + (textOf(node.right) ?? '…')
  return undefined
}

function messagesIn(path: string, source: string): Message[] {
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true)
  const found: Message[] = []
  const add = (node: ts.Node) => {
    const text = textOf(node)
    // Codes and names are single words.
    if (text?.includes(' ') !== true) return
    const line = file.getLineAndCharacterOfPosition(node.getStart()).line + 1
    found.push({ where: `${path}:${line}`, text })
  }
  const visit = (node: ts.Node) => {
    if ((ts.isNewExpression(node) || ts.isCallExpression(node)) && node.arguments !== undefined) {
      const name = node.expression.getText(file).split('.').at(-1) ?? ''
      if (TAKES_A_MESSAGE.test(name)) node.arguments.forEach(add)
    }
    if (ts.isVariableDeclaration(node) && /^(?:message|what|reason)$/.test(node.name.getText(file)))
      if (node.initializer !== undefined) add(node.initializer)
    if (ts.isPropertyAssignment(node) && /^(?:message|reason)$/.test(node.name.getText(file)))
      add(node.initializer)
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

test('every error message is one sentence in lower case, without a full stop', async () => {
  const messages: Message[] = []
  for (const folder of ['packages/synod/src', 'packages/server/src']) {
    for (const name of await readdir(`${ROOT}/${folder}`, { recursive: true })) {
      if (!name.endsWith('.ts') || /testing\/|simulate\/|check\//.test(name)) continue
      messages.push(...messagesIn(`${folder}/${name}`, await readFile(`${ROOT}/${folder}/${name}`, 'utf8')))
    }
  }
  expect(messages.length).toBeGreaterThan(150)
  const wrong = messages.filter(({ text }) => {
    const startsHigh = /^[A-Z]/.test(text) && !NAMES.test(text)
    return startsHigh || text.endsWith('.') || /[a-z)…]\. [A-Z…]/.test(text)
  })
  expect(wrong).toEqual([])
})
