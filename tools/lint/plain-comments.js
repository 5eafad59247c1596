// Lint of comments: how long their lines are, and words that hide who does what.

/** The longest line of a comment, in columns. */
const MAX_COLUMNS = 100

const AVOIDED = /\b(whoever|whatever|nobody|somebody|anybody|what (?:came|comes) of|so many|so much)\b/i

/** @type {import('eslint').Rule.RuleModule} */
export const plainComments = {
  meta: {
    type: 'suggestion',
    schema: [{ type: 'object', properties: { words: { type: 'boolean' } }, additionalProperties: false }],
  },
  create({ options: [{ words = false } = {}], report, sourceCode }) {
    return {
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
          const [avoided] = (words && AVOIDED.exec(comment.value)) || []
          if (avoided !== undefined)
            report({ loc: comment.loc, message: `Name the thing, in place of '${avoided}'.` })
        }
      },
    }
  },
}
