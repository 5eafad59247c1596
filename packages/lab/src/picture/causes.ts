import type { ActorId, Picture } from './picture.js'

/**
 * What may have brought what about: events of one actor in their order, and the sending of a
 * message before its end.
 */
export interface Causes {
  /**
   * Whether event `cause` happened before event `effect`, so that it may have had a part in it.
   * Both are places in the picture.
   */
  readonly precedes: (cause: number, effect: number) => boolean
}

/**
 * Made once for a picture, in time and space of its events times its actors: a vector clock for
 * each event says how many events of each actor are in its past. What an actor wrote precedes its
 * being durable as both are the actor's own.
 */
export function causesOf({ actors, events, messages }: Picture): Causes {
  const width = actors.length
  const columnOf = new Map<ActorId, number>(actors.map((actor, column) => [actor, column]))
  const columns = Int32Array.from(events, ({ actor }) => columnOf.get(actor) ?? 0)
  /**
   * The clock of event e is from e × width on: how many events of each actor precede it, or are it.
   */
  const clocks = new Int32Array(events.length * width)
  const latest = new Int32Array(width).fill(-1)
  const sendings = new Int32Array(messages.length).fill(-1)
  for (const [index, event] of events.entries()) {
    const column = columns[index] ?? 0
    const clock = clocks.subarray(index * width, (index + 1) * width)
    const join = (other: number) => {
      if (other < 0) return
      for (let at = 0; at < width; at++) clock[at] = Math.max(clock[at] ?? 0, clocks[other * width + at] ?? 0)
    }
    join(latest[column] ?? -1)
    if (event.kind === 'send') sendings[event.message] = index
    else if (event.kind === 'receive' || event.kind === 'lose') join(sendings[event.message] ?? -1)
    clock[column] = (clock[column] ?? 0) + 1
    latest[column] = index
  }

  /** Of all events of an actor, the place of this one, from 1 on. */
  const ordinal = (event: number) => clocks[event * width + (columns[event] ?? 0)] ?? 0
  const precedes = (cause: number, effect: number) =>
    cause !== effect && ordinal(cause) <= (clocks[effect * width + (columns[cause] ?? 0)] ?? 0)
  return { precedes }
}
