import { expect, it } from 'vitest'
import { chosenValues } from '../../src/picture/chosen-values.js'
import type { PictureRecord } from '../../src/picture/picture.js'
import { type Row, pictureOf } from './pictures.js'

const vote = (seq: number, first: number, ...values: string[]): PictureRecord => ({
  type: 'vote',
  ballot: { seq, server: 1 },
  first,
  values,
})
const durable = (actor: string, ...records: PictureRecord[]): Row => [actor, { kind: 'durable', records }]

it('a value is chosen at the event that completes a quorum of durable votes at one ballot', () => {
  const picture = pictureOf([
    ['s1', { kind: 'write', records: [vote(1, 1, 'a')] }],
    ['s2', { kind: 'write', records: [vote(1, 1, 'a')] }],
    durable('s1', vote(1, 1, 'a', 'b')),
    durable('s1', vote(1, 1, 'a')),
    durable('s4', vote(1, 1, 'a')),
    durable('s3', vote(2, 1, 'a')),
    durable('s2', vote(2, 1, 'a')),
    durable('s2', vote(1, 2, 'b')),
    durable('s3', vote(1, 2, 'b')),
  ])
  const choices = chosenValues(picture)
  expect(choices).toEqual([
    { slot: 1, value: 'a', ballot: { seq: 2, server: 1 }, event: 6, quorum: [3, 2] },
    { slot: 2, value: 'b', ballot: { seq: 1, server: 1 }, event: 7, quorum: [1, 2] },
  ])
})

it('a value is chosen with as many votes as a quorum of phase 2 has', () => {
  const rows = [
    durable('s1', vote(1, 1, 'a')),
    durable('s2', vote(1, 1, 'a')),
    durable('s3', vote(1, 1, 'a')),
  ]
  const choices = (phase2: number) =>
    chosenValues({
      ...pictureOf(rows),
      configurations: [{ first: 1, voters: [1, 2, 3], quorums: { phase1: 2, phase2 } }],
    })
  expect(choices(3)).toMatchObject([{ event: 2, quorum: [1, 2, 3] }])
  expect(choices(1)).toMatchObject([{ event: 0, quorum: [1] }])
})

it('two values chosen in one slot are both reported', () => {
  const choices = chosenValues(
    pictureOf([
      durable('s1', vote(1, 1, 'a')),
      durable('s2', vote(1, 1, 'a')),
      durable('s2', vote(2, 1, 'b')),
      durable('s3', vote(2, 1, 'b')),
    ]),
  )
  expect(choices.map(({ event, value }) => [value, event])).toEqual([
    ['a', 1],
    ['b', 3],
  ])
})

it('votes are counted by the configuration of their slot', () => {
  const rows = [
    durable('s1', vote(1, 4, 'a', 'b')),
    durable('s2', vote(1, 4, 'a', 'b')),
    durable('s4', vote(1, 4, 'a', 'b')),
  ]
  const [before] = pictureOf([]).configurations
  const after = { ...before, first: 5, voters: [1, 3, 4] }
  const choices = chosenValues({ ...pictureOf(rows), configurations: [before, after] })
  expect(choices).toMatchObject([
    { slot: 4, value: 'a', quorum: [1, 2] },
    { slot: 5, value: 'b', quorum: [1, 4] },
  ])
})
