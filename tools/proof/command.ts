import { spawn } from 'node:child_process'
import { once } from 'node:events'

/**
 * Runs a command to its end, its stderr shown. Resolves to what it wrote to stdout; rejects if it
 * failed.
 */
export async function output(cwd: string, [name = '', ...args]: readonly string[]): Promise<string> {
  const child = spawn(name, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${name} ${args.join(' ')} failed:\n${text}`)
  return text.trim()
}
