import type { ActorEvent, Picture, PictureMessage } from '../../src/picture/picture.js'

/** What happens to an actor, with its step where it is not the next. */
export type Row = readonly [actor: string, happening: ActorEvent, step?: number]

/** A picture of these rows, each a step of its own. */
export function pictureOf(rows: readonly Row[], messages: readonly PictureMessage[] = []): Picture {
  return {
    mode: 'leader',
    actors: ['c1', 's1', 's2', 's3'],
    configurations: [{ first: 1, voters: [1, 2, 3], quorums: { phase1: 2, phase2: 2 } }],
    messages,
    events: rows.map(([actor, happening, step], index) => ({
      ...happening,
      actor,
      step: step ?? index,
      atMs: index,
    })),
  }
}

/** A message with the place `id`. */
export function messageOf(
  id: number,
  from: string,
  to: string,
  some: Partial<PictureMessage> = {},
): PictureMessage {
  return {
    ...{
      id,
      from,
      to,
      type: 'accept',
      ballot: undefined,
      slots: undefined,
      values: [],
      text: '',
      fields: {},
    },
    ...some,
  }
}
