/** A cell in a column of numbers; `-` is no number. */
const NUMBER = /^(\d+|-)$/

/**
 * Lays cells out in columns, two spaces apart, under a heading. Numbers are aligned to the right.
 */
export function formatTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [heading, ...rows]
  const widths = heading.map((_, column) => Math.max(...lines.map((row) => row[column]?.length ?? 0)))
  const toRight = heading.map((_, column) => {
    const cells = rows.map((row) => row[column] ?? '')
    return cells.every((cell) => NUMBER.test(cell)) && cells.some((cell) => cell !== '-')
  })
  return lines
    .map((row) => {
      const cells = row.map((text, column) => {
        const width = widths[column] ?? 0
        return toRight[column] === true ? text.padStart(width) : text.padEnd(width)
      })
      return cells.join('  ').trimEnd()
    })
    .join('\n')
}
