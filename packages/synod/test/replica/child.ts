import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const SOURCES = fileURLToPath(new URL('../../src/', import.meta.url))

/**
 * Writes the sources into a directory as JavaScript, types stripped, for processes that run without
 * vitest.
 */
export async function stripSources(directory: string): Promise<void> {
  await writeFile(join(directory, 'package.json'), '{ "type": "module" }')
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext }
  const names = await readdir(SOURCES, { recursive: true })
  await Promise.all(
    names
      .filter((name) => name.endsWith('.ts'))
      .map(async (name) => {
        const text = await readFile(join(SOURCES, name), 'utf8')
        const target = join(directory, 'src', name.replace(/\.ts$/, '.js'))
        await mkdir(dirname(target), { recursive: true })
        await writeFile(target, ts.transpileModule(text, { compilerOptions }).outputText)
      }),
  )
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end. It is killed after ten seconds. */
export async function runProgram(program: string, args: readonly string[]): Promise<Ended> {
  const child: ChildProcess = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { stdout: '', stderr: '' }
  child.stdout!.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()))
  child.stderr!.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()))
  const timeout = setTimeout(() => child.kill('SIGKILL'), 10_000)
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  clearTimeout(timeout)
  return { code, signal, ...output }
}

/** Why programs cannot be traced here; undefined if they can. */
export function whyNoStrace(): string | undefined {
  const { error, status, stderr } = spawnSync('strace', ['-f', '-e', 'trace=none', 'true'], {
    encoding: 'utf8',
  })
  if (error !== undefined) return error.message
  return status === 0 ? undefined : stderr.trim()
}
