import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TraceEvent } from 'synod'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { lineLogger } from '../../src/terminal/log.js'
import { openTraceFile } from '../../src/trace/trace-file.js'
import { type Appendable, MOST_WAITING_BYTES, TraceWriter } from '../../src/trace/trace-writer.js'

afterEach(() => {
  vi.useRealTimers()
})

/** A file that takes a piece only when it is told to. */
class SlowFile implements Appendable {
  text = ''
  isClosed = false
  #end: ((error?: Error) => void) | undefined

  append(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#end = (error) => {
        if (error === undefined) {
          this.text += text
          resolve()
        } else reject(error)
      }
    })
  }

  close(): Promise<void> {
    this.isClosed = true
    return Promise.resolve()
  }

  /** The piece that it has is written, or is not. */
  async take(error?: Error): Promise<void> {
    const end = this.#end
    this.#end = undefined
    end?.(error)
    await new Promise((resolve) => setImmediate(resolve))
  }

  /** Everything is written. */
  async takeAll(): Promise<void> {
    do await this.take()
    while (this.#end !== undefined)
  }
}

class Rig {
  readonly file = new SlowFile()
  readonly log: string[] = []
  readonly writer = new TraceWriter({
    file: this.file,
    path: 's1.ndjson',
    server: 1,
    logger: lineLogger(false, (line) => this.log.push(line)),
  })

  add(atMs: number, message: unknown = 'x'): void {
    this.writer.add({ atMs, event: 'message', from: 's2', to: 's1', message })
  }

  get lines(): TraceEvent[] {
    return this.file.text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as TraceEvent)
  }
}

describe('the trace writer', () => {
  test('keeps the order of lines however slow the file is', async () => {
    const rig = new Rig()
    rig.add(1)
    rig.add(2)
    await rig.file.take()
    rig.add(3)
    await rig.file.take()
    rig.add(4)
    const closed = rig.writer.close()
    await rig.file.takeAll()
    await closed
    expect(rig.lines.map(({ atMs }) => atMs)).toEqual([1, 2, 3, 4])
    expect(rig.file.isClosed).toBe(true)
  })

  test('drops lines when its buffer is full, and writes their number in their place', async () => {
    const rig = new Rig()
    const large = 'x'.repeat(MOST_WAITING_BYTES / 2)
    rig.add(1, large)
    for (const atMs of [2, 3, 4]) rig.add(atMs, large)
    await rig.file.take()
    rig.add(5, large)
    await rig.file.takeAll()
    expect(rig.lines.map(({ atMs, event }) => [atMs, event])).toEqual([
      [1, 'message'],
      [4, 'dropped'],
      [5, 'message'],
    ])
    expect(rig.lines[1]).toEqual({ atMs: 4, event: 'dropped', server: 1, events: 3 })
  })

  test('writes the number of the last dropped lines when it is closed, and goes on after a line that can never fit', async () => {
    const rig = new Rig()
    rig.add(1, 'x'.repeat(MOST_WAITING_BYTES))
    rig.add(2)
    await rig.file.takeAll()
    rig.add(3, 'x'.repeat(MOST_WAITING_BYTES))
    const closed = rig.writer.close()
    await rig.file.takeAll()
    await closed
    expect(rig.lines.map(({ atMs, event }) => [atMs, event])).toEqual([
      [1, 'dropped'],
      [2, 'message'],
      [3, 'dropped'],
    ])
  })

  test('stops when the file cannot be written, and logs that once', async () => {
    const rig = new Rig()
    rig.add(1)
    rig.add(2)
    await rig.file.take(new Error('ENOSPC: no space left on device'))
    rig.add(3)
    await rig.writer.close()
    expect(rig.file.text).toBe('')
    expect(rig.file.isClosed).toBe(true)
    expect(rig.log).toHaveLength(1)
    expect(rig.log[0]).toMatch(/ warn .*s1\.ndjson ends here, the replica continues: ENOSPC: no space left/)
  })

  test('waits only a limited time for the file when it is closed', async () => {
    vi.useFakeTimers()
    const rig = new Rig()
    rig.add(1)
    const closed = rig.writer.close()
    await vi.advanceTimersByTimeAsync(5000)
    await closed
    expect(rig.file.text).toBe('')
  })
})

test('lines are appended to an existing trace, also after a line that was cut short', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'synod-trace-'))
  try {
    const path = join(directory, 'trace.ndjson')
    const write = async (text: string) => {
      const file = await openTraceFile(path)
      await file.append(text)
      await file.close()
    }
    await write('{"atMs":1}\n')
    await write('{"atMs":2}\n')
    await writeFile(path, '{"at_', { flag: 'a' })
    await write('{"atMs":3}\n')
    expect(await readFile(path, 'utf8')).toBe('{"atMs":1}\n{"atMs":2}\n{"at_\n{"atMs":3}\n')
  } finally {
    await rm(directory, { recursive: true })
  }
})

test('an error to open the trace file is reported', async () => {
  await expect(openTraceFile('/nowhere/at/all')).rejects.toMatchObject({ code: 'ENOENT' })
})
