import { jsonCodec } from 'synod/internal/machine/codec.js'
import type { Machine } from 'synod/internal/machine/machine.js'
import { Executions } from '../../src/simulator/checks/executions.js'
import type { ClientOperation, WorkloadOutput, Workload } from '../../src/simulator/workload.js'

/**
 * A text that grows. A command answers what it has grown to; a query gives the text, or its length.
 */
class Text implements Machine<string, string, 'text' | 'length', string | number> {
  #text = ''

  apply(letter: string): string {
    if (letter === '!') throw new Error('refused')
    return (this.#text += letter)
  }

  query(what: 'text' | 'length'): string | number {
    return what === 'text' ? this.#text : this.#text.length
  }
}

export type TextOperation = ClientOperation<Text>

export const texts: Workload<Text> = {
  machine: () => new Text(),
  command: () => 'x',
}

const { encode } = jsonCodec<unknown>()

/** What replicas executed: each letter a command whose tag is its code, in slots from 1 on. */
export function executed(letters: string, results: Readonly<Record<string, unknown>> = {}): Executions {
  const executions = new Executions(() => undefined)
  const machine = texts.machine()
  for (const [at, letter] of letters.split('').entries()) {
    let result: WorkloadOutput
    try {
      result = encode(machine.apply(letter))
    } catch (error) {
      result = (error as Error).message
    }
    if (results[letter] !== undefined) result = encode(results[letter])
    const encoded = encode(letter)
    const place = { position: { slot: at + 1, index: 0 }, tag: tagOf(letter), timeMs: 0, version: 1 }
    executions.add({ ...place, command: letter, encoded, by: 1, result }, at)
  }
  return executions
}

/**
 * A history, one line for each client: `a=a` is a command with its text, `?=a` a query for the
 * text, `#=1` for the length; nothing after `=` is no answer, `!` a refusal. An operation that
 * begins left of where another ends is concurrent with it.
 */
export function history(lines: Readonly<Record<string, string>>): TextOperation[] {
  return Object.entries(lines).flatMap(([client, line]) =>
    [...line.matchAll(/([a-z?#!])(-*)=(\S*)/g)].map(({ 0: whole, 1: asked = '', 3: got = '', index }) => {
      const request =
        asked === '?' || asked === '#'
          ? ({ type: 'query', query: asked === '?' ? 'text' : 'length' } as const)
          : ({ type: 'command', tag: tagOf(asked), command: asked } as const)
      const output = got === '!' ? 'refused' : encode(asked === '#' ? Number(got) : got.replace('.', ''))
      const position = index + whole.length
      return { client, request, invoked: index, returned: got === '' ? undefined : { position, output } }
    }),
  )
}

function tagOf(letter: string): number {
  return letter.charCodeAt(0)
}
