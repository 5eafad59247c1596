import { writeFile } from 'node:fs/promises'

/** Writes a file of these lines. Rejects with what the system says. */
export async function writeLines(path: string, lines: readonly string[]): Promise<void> {
  await writeFile(path, lines.map((line) => `${line}\n`).join(''))
}
