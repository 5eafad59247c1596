import type { ActorId } from '../picture/picture.js'
import type { ActorLine } from './actor-line.js'

/** The lines of several replicas in one order, and of each arrival that has one the sending. */
export interface Merged {
  readonly lines: readonly ActorLine[]
  readonly sendings: ReadonlyMap<ActorLine, ActorLine>
}

/**
 * Merges what replicas tell, by time. The clocks of two machines differ, so that the order within
 * what each replica tells goes before time, and no message arrives before it was sent.
 */
export function mergeLive(told: readonly ActorLine[]): Merged {
  const sendings = pair(told)
  const streams = streamsOf(told)
  const done = new Set<ActorLine>()
  const lines: ActorLine[] = []
  const isBlocked = (line: ActorLine) => {
    const sending = sendings.get(line)
    return sending !== undefined && !done.has(sending)
  }
  while (lines.length < told.length) {
    const heads = streams.flatMap(({ at, lines: ofOne }) => ofOne[at] ?? [])
    const free = earliest(heads.filter((line) => !isBlocked(line)))
    const next = free ?? earliest(heads)
    if (next === undefined) break
    // They wait for each other: then these two do not belong together.
    if (free === undefined) sendings.delete(next)
    const stream = streams.find(({ at, lines: ofOne }) => ofOne[at] === next)
    if (stream !== undefined) stream.at++
    done.add(next)
    lines.push(next)
  }
  return { lines, sendings }
}

function earliest(lines: readonly ActorLine[]): ActorLine | undefined {
  return lines.reduce<ActorLine | undefined>(
    (first, line) => (first === undefined || line.atMs < first.atMs ? line : first),
    undefined,
  )
}

interface Stream {
  readonly lines: readonly ActorLine[]
  at: number
}

/**
 * What each replica tells, in its order. Of several files of one replica the one that begins first
 * is first.
 */
function streamsOf(told: readonly ActorLine[]): Stream[] {
  const byActor = new Map<ActorId | undefined, Map<string, ActorLine[]>>()
  for (const line of told) {
    const files = byActor.get(line.actor) ?? new Map<string, ActorLine[]>()
    byActor.set(line.actor, files)
    const lines = files.get(line.file)
    if (lines === undefined) files.set(line.file, [line])
    else lines.push(line)
  }
  return [...byActor.values()].map((files) => ({
    at: 0,
    lines: [...files.values()].sort((a, b) => (a[0]?.atMs ?? 0) - (b[0]?.atMs ?? 0)).flat(),
  }))
}

/**
 * Finds the sending of each arrival: the last of the same message on the same way that is not
 * later, from the end back, so that a lost message shifts no other; unless there are no more
 * sendings than arrivals. An arrival with `again` shares the sending of an earlier one.
 */
function pair(told: readonly ActorLine[]): Map<ActorLine, ActorLine> {
  const ways = new Map<
    string,
    { readonly sent: ActorLine[]; readonly arrived: ActorLine[]; readonly again: ActorLine[] }
  >()
  for (const line of told) {
    if (line.event !== 'send' && line.event !== 'message') continue
    const { from, message, to } = line.fields
    const key = JSON.stringify([from, to, message])
    const way = ways.get(key) ?? { sent: [], arrived: [], again: [] }
    ways.set(key, way)
    ;(line.event === 'send' ? way.sent : line.fields.again === true ? way.again : way.arrived).push(line)
  }
  const sendings = new Map<ActorLine, ActorLine>()
  for (const { again, arrived, sent } of ways.values()) {
    for (const arrival of again) {
      const sending = sent.findLast(({ atMs }) => atMs <= arrival.atMs)
      if (sending !== undefined) sendings.set(arrival, sending)
    }
    let left = sent.length
    for (let rest = arrived.length; rest > 0 && left > 0; rest--) {
      const arrival = arrived[rest - 1]
      while (left > rest && (sent[left - 1]?.atMs ?? 0) > (arrival?.atMs ?? 0)) left--
      const sending = sent[--left]
      if (arrival !== undefined && sending !== undefined) sendings.set(arrival, sending)
    }
  }
  return sendings
}
