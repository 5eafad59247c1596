import { writeFile } from 'node:fs/promises'

/** Writes a file of these lines. Rejects with the error of the system. */
export async function writeLines(path: string, lines: readonly string[]): Promise<void> {
  await writeFile(path, lines.map((line) => `${line}\n`).join(''))
}
