import { describe, expect, test } from 'vitest'
import { drawnEvents, heightOf, layOut, visiblePart } from '../../src/picture/layout.js'
import type { ActorEvent, Picture, PictureEvent, PictureMessage } from '../../src/picture/picture.js'

const options = { columnWidth: 100, rowHeight: 20, shows: () => true }

function message(id: number, from: string, to: string, type = 'accept'): PictureMessage {
  return { id, from, to, type, ballot: undefined, slots: undefined, values: [], text: type, fields: {} }
}

/** Each row: the step, the actor, and what happened to it. */
function pictureOf(
  messages: PictureMessage[],
  rows: [step: number, actor: string, happening: ActorEvent][],
): Picture {
  const events: PictureEvent[] = rows.map(([step, actor, happening]) => ({
    ...happening,
    actor,
    step,
    atMs: step,
  }))
  return {
    mode: 'leader',
    actors: ['c1', 's1', 's2'],
    configurations: [{ first: 1, voters: [1, 2], quorums: { phase1: 2, phase2: 2 } }],
    messages,
    events,
  }
}

describe('arrows', () => {
  test('go from the row and column of the sender to those of the receiver', () => {
    const { arrows, columns } = layOut(
      pictureOf(
        [message(0, 's1', 's2')],
        [
          [1, 's1', { kind: 'send', message: 0 }],
          [2, 's2', { kind: 'receive', message: 0, again: false }],
        ],
      ),
      options,
    )
    const [, s1, s2] = columns
    expect(arrows).toMatchObject([{ x1: s1?.x, x2: s2?.x, end: 'arrived', sent: 0, ended: 1 }])
    expect(arrows[0]!.y2 - arrows[0]!.y1).toBe(20)
  })

  test('end before the receiver where a message was lost', () => {
    const { arrows, columns } = layOut(
      pictureOf(
        [message(0, 's2', 's1')],
        [
          [1, 's2', { kind: 'send', message: 0 }],
          [1, 's1', { kind: 'lose', message: 0, why: 'cut off' }],
        ],
      ),
      options,
    )
    expect(arrows).toMatchObject([{ end: 'lost' }])
    expect(arrows[0]!.x2).toBeGreaterThan(columns[1]!.x)
    expect(arrows[0]!.x2).toBeLessThan(columns[2]!.x)
  })

  test('continue for a row or two while a message is under way', () => {
    const { arrows, height } = layOut(
      pictureOf([message(0, 's1', 's2')], [[1, 's1', { kind: 'send', message: 0 }]]),
      options,
    )
    expect(arrows).toMatchObject([{ end: 'under way', ended: -1 }])
    expect(arrows[0]!.y2).toBeGreaterThan(height - 20)
  })

  test('are drawn once for each arrival of a message', () => {
    const { arrows } = layOut(
      pictureOf(
        [message(0, 's1', 's2')],
        [
          [1, 's1', { kind: 'send', message: 0 }],
          [2, 's2', { kind: 'receive', message: 0, again: false }],
          [3, 's2', { kind: 'receive', message: 0, again: true }],
        ],
      ),
      options,
    )
    expect(arrows.map(({ again }) => again)).toEqual([false, true])
  })
})

describe('rows', () => {
  test('events of one step share a row', () => {
    const { marks, steps } = layOut(
      pictureOf(
        [],
        [
          [4, 's1', { kind: 'timer' }],
          [4, 's1', { kind: 'durable', records: [] }],
          [4, 's1', { kind: 'durable', records: [] }],
          [9, 's2', { kind: 'timer' }],
        ],
      ),
      options,
    )
    expect(steps).toEqual([4, 9])
    expect(marks.map(({ kind, events }) => [kind, events])).toEqual([
      ['timer', [0]],
      ['durable', [1, 2]],
      ['timer', [3]],
    ])
  })

  test('a step with no visible event has no row, and a visible message shows both of its ends', () => {
    const picture = pictureOf(
      [message(0, 's1', 's2', 'heartbeat'), message(1, 's1', 's2')],
      [
        [1, 's1', { kind: 'send', message: 0 }],
        [2, 's1', { kind: 'send', message: 1 }],
        [3, 's2', { kind: 'receive', message: 0, again: false }],
        [4, 's2', { kind: 'receive', message: 1, again: false }],
      ],
    )
    const { arrows, steps } = layOut(picture, { ...options, shows: (_, index) => index === 3 })
    expect(steps).toEqual([2, 4])
    expect(arrows.map((arrow) => arrow.message.id)).toEqual([1])
  })

  test('only those in view are returned, with the arrows that cross the view', () => {
    const layout = layOut(
      pictureOf(
        [message(0, 's1', 's2')],
        [
          [1, 's1', { kind: 'send', message: 0 }],
          ...Array.from({ length: 50 }, (_, index): [number, string, ActorEvent] => [
            index + 2,
            's1',
            { kind: 'timer' },
          ]),
          [60, 's2', { kind: 'receive', message: 0, again: false }],
        ],
      ),
      options,
    )
    const { arrows, marks } = visiblePart(layout, 500, 600)
    expect(arrows).toHaveLength(1)
    expect(marks.length).toBeLessThan(7)
  })
})

test('the lifeline of a server ends while it is down, and changes while it is paused', () => {
  const { columns, height } = layOut(
    pictureOf(
      [],
      [
        [1, 's1', { kind: 'crash' }],
        [2, 's2', { kind: 'pause' }],
        [3, 's1', { kind: 'restart' }],
        [4, 's2', { kind: 'resume' }],
      ],
    ),
    options,
  )
  expect(columns[1]?.life.map(({ bottom, state, top }) => [top, bottom, state])).toEqual([
    [12, 22, 'up'],
    [62, height, 'up'],
  ])
  expect(columns[2]?.life.map(({ state }) => state)).toEqual(['up', 'paused', 'up'])
})

test('the events that are drawn are listed in order, each with its height', () => {
  const layout = layOut(
    pictureOf(
      [message(0, 's1', 's2')],
      [
        [1, 's1', { kind: 'timer' }],
        [1, 's1', { kind: 'send', message: 0 }],
        [2, 's2', { kind: 'receive', message: 0, again: false }],
        [3, 's2', { kind: 'timer' }],
      ],
    ),
    { ...options, shows: (_, index) => index < 3 },
  )
  expect(drawnEvents(layout)).toEqual([0, 1, 2])
  expect([0, 1, 2, 3].map((event) => heightOf(layout, event))).toEqual([22, 22, 42, undefined])
})
