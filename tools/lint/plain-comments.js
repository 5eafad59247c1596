// Lint of comments and names of tests: how long they are, and words that hide who does what.

/** The longest line of a comment, in columns. */
const MAX_COLUMNS = 100

/** The most lines with text that a comment has, unless it documents an API with tags. */
const MAX_LINES = 3

/** What users call may need more: its parameters, its errors, an example. */
const API_TAG = /@(?:param|throws|example)\b/

const AVOIDED =
  /\b(whoever|whatever|nobody|somebody|anybody|what (?:came|comes) of|so many|so much|those (?:that|who|which))\b/i

/** The functions whose first argument is the name of a test. */
const TESTS = new Set(['describe', 'it', 'test'])

/** @type {import('eslint').Rule.RuleModule} */
export const plainComments = {
  meta: {
    type: 'suggestion',
    schema: [{ type: 'object', properties: { proofs: { type: 'boolean' } }, additionalProperties: false }],
  },
  create({ options: [{ proofs = false } = {}], report, sourceCode }) {
    const checkWords = (loc, text) => {
      const [avoided] = AVOIDED.exec(text) ?? []
      if (avoided !== undefined) report({ loc, message: `Name the thing, in place of '${avoided}'.` })
    }
    return {
      CallExpression({ arguments: [name], callee }) {
        if (/Literal$/.test(name?.type) && TESTS.has(rootOf(callee)))
          checkWords(name.loc, sourceCode.getText(name))
      },
      Program() {
        for (const comment of sourceCode.getAllComments()) {
          const { start, end } = comment.loc
          for (let line = start.line; line <= end.line; line++) {
            const { length } = sourceCode.lines[line - 1]
            if (length > MAX_COLUMNS && !/https?:/.test(sourceCode.lines[line - 1]))
              report({
                loc: { line, column: MAX_COLUMNS },
                message: `A comment has at most ${MAX_COLUMNS} columns, not ${length}.`,
              })
          }
          checkWords(comment.loc, comment.value)
        }
        if (proofs) return
        for (const { loc, text } of blocksOf(sourceCode)) {
          const lines = text.split('\n').filter((line) => /[^\s*]/.test(line)).length
          if (lines > MAX_LINES && !API_TAG.test(text))
            report({ loc, message: `A comment has at most ${MAX_LINES} lines, not ${lines}.` })
        }
      },
    }
  },
}

/** The name of the function that `test`, `test.skip` or `test.each(table)` calls. */
function rootOf(callee) {
  if (callee.type === 'MemberExpression') return rootOf(callee.object)
  return callee.type === 'CallExpression' ? rootOf(callee.callee) : callee.name
}

/** The comments of a file, where line comments that follow each other are one. */
function blocksOf(sourceCode) {
  const blocks = []
  for (const { loc, type, value } of sourceCode.getAllComments()) {
    const before = blocks.at(-1)
    const isAlone = /^\s*$/.test(sourceCode.lines[loc.start.line - 1].slice(0, loc.start.column))
    if (type === 'Line' && isAlone && before?.isLines && before.loc.end.line === loc.start.line - 1) {
      before.text += `\n${value}`
      before.loc = { start: before.loc.start, end: loc.end }
    } else blocks.push({ loc, text: value, isLines: type === 'Line' && isAlone })
  }
  return blocks
}
