// Leaders are stopped, again and again, and go on when another server leads: what they write then
// must be refused by the resource. SYNOD_FENCE_CHANGES says how often.
import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, on } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { freePorts } from './free-ports.js'

const CHANGES = Number(process.env.SYNOD_FENCE_CHANGES ?? 20)
const WORKER = fileURLToPath(new URL('dist/leader-work.js', import.meta.url))
const SERVERS = [1, 2, 3]

/** Takes no fence lower than the highest that it has seen, unless it does not check. */
class Resource extends EventEmitter {
  highest = 0
  /** Who wrote last. */
  writer = 0
  refused = 0
  /** How often a lower fence was taken after a higher one. */
  lowered = 0
  readonly #checks: boolean
  readonly #server: Server

  constructor(checks: boolean) {
    super()
    this.#checks = checks
    this.#server = createServer(({ url = '' }, response) => {
      const [, id, fence] = url.split('/').map(Number)
      response.writeHead(this.#put(id ?? 0, fence ?? 0) ? 200 : 409).end()
      this.emit('put')
    })
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  /** Resolves once another server has written with a higher fence. */
  async nextWriter(before: number, fence: number): Promise<void> {
    if (this.writer !== before && this.highest > fence) return
    for await (const _ of on(this, 'put')) if (this.writer !== before && this.highest > fence) return
  }

  #put(id: number, fence: number): boolean {
    if (fence < this.highest) {
      if (this.#checks) {
        this.refused++
        return false
      }
      this.lowered++
      return true
    }
    this.highest = fence
    this.writer = id
    return true
  }
}

class Worker {
  readonly process: ChildProcess
  output = ''
  readonly #lines = new EventEmitter()

  constructor(args: readonly string[]) {
    this.process = spawn(process.execPath, [WORKER, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.output += text
      this.#lines.emit('output')
    })
  }

  async says(text: string): Promise<void> {
    if (this.output.includes(text)) return
    for await (const _ of on(this.#lines, 'output')) if (this.output.includes(text)) return
  }
}

/** Changes the leader until enough was seen. */
async function changeLeaders(
  checks: boolean,
  isEnough: (changes: number, resource: Resource) => boolean,
): Promise<Resource> {
  const directory = await mkdtemp(join(tmpdir(), 'synod-leader-work-'))
  const resource = new Resource(checks)
  const url = await resource.listen()
  const port = String(await freePorts(SERVERS.length))
  const workers = SERVERS.map((id) => new Worker([String(id), port, join(directory, `s${id}`), url]))
  try {
    await resource.nextWriter(0, 0)
    for (let changes = 0; !isEnough(changes, resource); changes++) {
      const { highest, writer } = resource
      const worker = workers[writer - 1]!
      worker.process.kill('SIGSTOP')
      await resource.nextWriter(writer, highest)
      worker.process.kill('SIGCONT')
      await worker.says(`fence ${highest} is over\n`)
    }
    return resource
  } finally {
    for (const { process } of workers) process.kill('SIGKILL')
    resource.close()
    await rm(directory, { recursive: true, force: true, maxRetries: 10 })
  }
}

test(
  'the resource never accepts a lower fence after a higher one, though leaders are stopped and resumed',
  { timeout: CHANGES * 20_000 },
  async () => {
    const { lowered, refused } = await changeLeaders(true, (changes) => changes === CHANGES)
    expect(lowered).toBe(0)
    // Else it would not be seen whether the check does anything.
    expect(refused).toBeGreaterThan(0)
    process.stdout.write(`${CHANGES} changes of the leader, ${refused} writes with a fence that was over\n`)
  },
)

test('without the fence check the resource accepts an outdated fence', { timeout: 120_000 }, async () => {
  await changeLeaders(false, (_, { lowered }) => lowered > 0)
})
