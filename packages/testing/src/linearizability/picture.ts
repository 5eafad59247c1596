import type { Operation } from './history.js'

/**
 * Operations, one a line in the given order, with a bar from call to return. Only the order of
 * calls and returns is true to scale: each time takes one column.
 */
export function picture<I, O>(
  operations: readonly Operation<I, O>[],
  describe: (each: Operation<I, O>) => string,
): string {
  const times = operations.flatMap(({ invoked, returned }) =>
    returned === undefined ? [invoked] : [invoked, returned],
  )
  const columns = new Map([...new Set(times)].sort((a, b) => a - b).map((time, column) => [time, column]))
  const texts = operations.map((each) => `${each.client}: ${describe(each)}`)
  const width = Math.max(...texts.map((text) => text.length))
  const lines = operations.map(({ invoked, returned }, line) => {
    const start = columns.get(invoked) ?? 0
    const end = returned === undefined ? columns.size : (columns.get(returned) ?? 0)
    const bar = start === end ? '|' : `|${'-'.repeat(end - start - 1)}${returned === undefined ? '?' : '|'}`
    return `${(texts[line] ?? '').padEnd(width)}  ${' '.repeat(start)}${bar}`
  })
  return lines.join('\n')
}
