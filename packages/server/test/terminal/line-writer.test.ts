import { expect, test } from 'vitest'
import { LineWriter, MAX_UNWRITTEN_BYTES, type TextStream } from '../../src/terminal/line-writer.js'

/** A stream whose reader reads when it is told to. */
class FakeStream implements TextStream {
  written = ''
  writableLength = 0
  readonly #waiting: { text: string; done: (error?: Error | null) => void }[] = []

  write(text: string, done: (error?: Error | null) => void): void {
    this.writableLength += text.length
    this.#waiting.push({ text, done })
  }

  /** Writes up to `count` of what waits, also what comes to wait meanwhile. */
  read(count = Infinity): void {
    for (; count > 0; count--) {
      const first = this.#waiting.shift()
      if (first === undefined) return
      this.written += first.text
      this.writableLength -= first.text.length
      first.done(null)
    }
  }

  /** All that waits cannot be written. */
  fail(): void {
    this.writableLength = 0
    for (const { done } of this.#waiting.splice(0)) done(new Error('EPIPE'))
  }
}

function rig(): { stream: FakeStream; writer: LineWriter } {
  const stream = new FakeStream()
  return { stream, writer: new LineWriter(stream, (lines) => `${lines} missing\n`) }
}

test('lines are written in order', () => {
  const { stream, writer } = rig()
  writer.write('a\n')
  writer.write('b\n')
  stream.read()
  expect(stream.written).toBe('a\nb\n')
})

test('the buffer is bounded, and the number of dropped lines is written in their place, without an extra line', () => {
  const { stream, writer } = rig()
  const line = `${'x'.repeat(1023)}\n`
  for (let i = 0; i < 5000; i++) writer.write(line)
  expect(stream.writableLength).toBe(MAX_UNWRITTEN_BYTES)
  stream.read()
  expect(stream.written).toBe(`${line.repeat(1024)}${5000 - 1024} missing\n`)
})

test('after a dropped line, lines are dropped until the buffer is half empty', () => {
  const { stream, writer } = rig()
  const line = `${'x'.repeat(1023)}\n`
  for (let i = 0; i < 1025; i++) writer.write(line)
  stream.read(1)
  writer.write('a\n')
  expect(stream.writableLength).toBe(MAX_UNWRITTEN_BYTES - 1024)
  stream.read(511)
  writer.write('b\n')
  stream.read()
  expect(stream.written).toBe(`${line.repeat(1024)}2 missing\nb\n`)
})

test('each line that fails is counted, including lines that a failed notice had counted', () => {
  const { stream, writer } = rig()
  writer.write('a\n')
  writer.write('b\n')
  stream.fail()
  writer.write('c\n')
  stream.fail()
  writer.write('d\n')
  stream.read()
  writer.write('e\n')
  stream.read()
  expect(stream.written).toBe('3 missing\nd\ne\n')
})

test('a line larger than the buffer is dropped, and the next one is written', () => {
  const { stream, writer } = rig()
  writer.write('x'.repeat(MAX_UNWRITTEN_BYTES + 1))
  writer.write('a\n')
  stream.read()
  expect(stream.written).toBe('1 missing\na\n')
})
