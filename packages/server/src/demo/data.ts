import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type Mode, SynodError } from 'synod'
import { CliError } from '../terminal/cli-error.js'
import { type DemoOptions, MAX_REPLICAS } from './plan.js'

const LOGS = 'logs'

/** Says that a directory is a demo's, and of which kind. */
const MARK = 'demo.json'

interface Mark {
  readonly mode: Mode
  readonly replicas: number
}

/**
 * Prepares the directory of a demo, or checks that its content fits. With `fresh` it deletes what
 * an earlier demo left, and nothing else.
 *
 * @throws SynodError `not-a-demo`, `directory-in-use`, `wrong-mode`, or `wrong-cluster` for another
 * number of replicas
 */
export async function prepareData(options: DemoOptions, fresh: boolean): Promise<void> {
  const { directory, mode, replicas } = options
  let mark = await readMark(directory)
  if (mark !== null && fresh) {
    await deleteDemo(directory, mark)
    mark = null
  }
  if (mark === null) {
    await mkdir(directory, { recursive: true })
    await writeFile(join(directory, MARK), `${JSON.stringify({ mode, replicas })}\n`)
  } else {
    checkMark(mark, options)
  }
  await mkdir(join(directory, LOGS), { recursive: true })
}

function checkMark(mark: Mark, { directory, mode, replicas }: DemoOptions): void {
  const ways = (asBefore: string) =>
    `start it with ${asBefore}, begin anew with --fresh (that deletes the data), or use another directory ` +
    `with --dir`
  if (mark.mode !== mode) {
    throw new SynodError(
      'wrong-mode',
      `${directory} holds a demo in ${mark.mode} mode, and ${mode} mode was asked for: ${ways(`--mode ${mark.mode}`)}`,
    )
  }
  if (mark.replicas !== replicas) {
    throw new SynodError(
      'wrong-cluster',
      `${directory} holds a demo of ${mark.replicas} replicas, not ${replicas}: ${ways(`--replicas ${mark.replicas}`)}`,
    )
  }
}

/** Null if the directory is not there or empty. */
async function readMark(directory: string): Promise<Mark | null> {
  let text: string
  try {
    text = await readFile(join(directory, MARK), 'utf8')
  } catch (error) {
    if (isCode(error, 'ENOTDIR'))
      throw new CliError('not-a-demo', `${directory} is a file: use another directory with --dir`)
    if (!isCode(error, 'ENOENT')) throw error
    await requireEmpty(directory)
    return null
  }
  const mark = parseMark(text)
  if (mark !== undefined) return mark
  throw new CliError(
    'not-a-demo',
    `${join(directory, MARK)} is damaged, or was not made by synod demo: use another directory with --dir`,
  )
}

function parseMark(text: string): Mark | undefined {
  try {
    const { mode, replicas } = JSON.parse(text) as Partial<Mark>
    const isMark = (mode === 'leader' || mode === 'leaderless') && isReplicaCount(replicas)
    return isMark ? { mode, replicas } : undefined
  } catch {
    return undefined
  }
}

function isReplicaCount(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_REPLICAS
}

async function requireEmpty(directory: string): Promise<void> {
  let names: string[]
  try {
    names = await readdir(directory)
  } catch (error) {
    if (isCode(error, 'ENOENT')) return
    throw error
  }
  if (names.length === 0) return
  throw new CliError(
    'not-a-demo',
    `${directory} is not empty, and was not made by synod demo: use another directory with --dir`,
  )
}

async function deleteDemo(directory: string, { replicas }: Mark): Promise<void> {
  const dataDirs = Array.from({ length: replicas }, (_, index) => join(directory, `s${index + 1}`))
  for (const dataDir of dataDirs) {
    if (await isInUse(dataDir)) {
      throw new SynodError('directory-in-use', `${dataDir} is in use by a running replica: stop it first`)
    }
  }
  for (const path of [...dataDirs, join(directory, LOGS), join(directory, MARK)]) {
    await rm(path, { recursive: true, force: true })
  }
}

/** Whether a process listens on the lock of a data directory (docs/internals/journal.md). */
function isInUse(dataDir: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(join(dataDir, 'lock'))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => {
      resolve(false)
    })
  })
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
