import fc from 'fast-check'
import { expect, it } from 'vitest'
import { checkProperty } from '../../../synod/test/paxos/replay.js'
import { causesOf } from '../../src/picture/causes.js'
import type { Picture } from '../../src/picture/picture.js'
import { type Row, messageOf, pictureOf } from './pictures.js'

it('causes follow columns, and messages that arrived', () => {
  const picture = pictureOf(
    [
      ['s3', { kind: 'timer' }],
      ['s1', { kind: 'timer' }],
      ['s1', { kind: 'send', message: 0 }],
      ['s1', { kind: 'timer' }],
      ['s2', { kind: 'receive', message: 0, again: false }],
      ['s2', { kind: 'durable', records: [] }],
      ['s2', { kind: 'send', message: 1 }],
      ['s3', { kind: 'lose', message: 1, why: 'cut off' }],
    ],
    [messageOf(0, 's1', 's2'), messageOf(1, 's2', 's3')],
  )
  const { future, past, precedes } = conesOf(picture)
  expect(past(5)).toEqual([1, 2, 4])
  expect(future(1)).toEqual([2, 3, 4, 5, 6, 7])
  expect(future(3)).toEqual([])
  expect(precedes(4, 4)).toBe(false)
  expect(past(7)).toEqual([0, 1, 2, 4, 5, 6])
})

it('causes are equal to those of a search step by step', () => {
  checkProperty(
    import.meta.url,
    fc.property(anyPicture, (picture) => {
      const { future, past } = conesOf(picture)
      const pasts = picture.events.map((_, index) => pastStepByStep(picture, index))
      for (const index of picture.events.keys()) {
        expect(past(index)).toEqual(pasts[index])
        const after = [...picture.events.keys()].filter((other) => pasts[other]!.includes(index))
        expect(future(index)).toEqual(after)
      }
    }),
  )
})

/** Sendings and arrivals at random; a message arrives as often as chance has it, or not at all. */
const anyPicture: fc.Arbitrary<Picture> = fc
  .array(fc.tuple(fc.nat(2), fc.nat(2), fc.option(fc.nat(8))), { maxLength: 25 })
  .map((choices) => {
    const names = ['s1', 's2', 's3']
    const messages = [] as ReturnType<typeof messageOf>[]
    const rows = choices.map(([from, to, arrival]): Row => {
      const message = arrival === null ? undefined : messages[arrival]
      if (message !== undefined) return [message.to, { kind: 'receive', message: message.id, again: false }]
      messages.push(messageOf(messages.length, names[from]!, names[to]!))
      return [names[from]!, { kind: 'send', message: messages.length - 1 }]
    })
    return pictureOf(rows, messages)
  })

function pastStepByStep({ events }: Picture, event: number): number[] {
  const found = new Set<number>()
  const queue = [event]
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    const { actor, ...happening } = events[at]!
    const before = [events.slice(0, at).findLastIndex((other) => other.actor === actor)]
    if (happening.kind === 'receive')
      before.push(events.findIndex((other) => other.kind === 'send' && other.message === happening.message))
    for (const cause of before) {
      if (cause < 0 || found.has(cause)) continue
      found.add(cause)
      queue.push(cause)
    }
  }
  return [...found].sort((a, b) => a - b)
}

/** All that an event comes from, and all that comes of it. */
function conesOf(picture: Picture) {
  const { precedes } = causesOf(picture)
  const all = [...picture.events.keys()]
  return {
    precedes,
    past: (event: number) => all.filter((other) => precedes(other, event)),
    future: (event: number) => all.filter((other) => precedes(event, other)),
  }
}
