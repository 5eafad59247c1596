import { expect, test } from 'vitest'
import type { Outcome } from '../../src/machine/outcome.js'
import { Requests } from '../../src/replica/requests.js'

const outcome = (text: string): Outcome => ({ status: 'done', result: Buffer.from(text) })

test('PITFALL 7: of two requests of one session each gets its own answer, whichever is executed first', () => {
  const requests = new Requests()
  const answers: string[] = []
  for (const sequence of [1, 2]) {
    requests.submit({ session: 5, sequence }, Buffer.from(`${sequence}`), 0, ({ result }) => {
      answers.push(`${sequence}: ${Buffer.from(result).toString()}`)
    })
  }
  requests.executed({ request: { session: 5, sequence: 2 }, outcome: outcome('second') })
  requests.executed({ request: { session: 5, sequence: 1 }, outcome: outcome('first') })
  expect(answers).toEqual(['2: second', '1: first'])
  expect(requests.size).toBe(0)
})
