import { type Fields, isFields } from './json.js'
import type { ActorLine } from './actor-line.js'

/**
 * What a line of our own tells: that a server which was paused goes on. The trace has no such line.
 */
export const RESUME = 'resume'

/**
 * The lines of a simulation, with one more where a pause ends: when its time is over, or all faults
 * are, unless its server stopped before.
 */
export function withResumes(told: readonly ActorLine[]): ActorLine[] {
  const lines: ActorLine[] = []
  const paused: ActorLine[] = []
  for (const line of told) {
    const isOver = (end: ActorLine) => end.atMs <= line.atMs || line.event === 'heal'
    const over = paused.filter(isOver).sort((a, b) => a.atMs - b.atMs)
    for (const end of over) {
      paused.splice(paused.indexOf(end), 1)
      lines.push({ ...end, atMs: Math.min(end.atMs, line.atMs) })
    }
    lines.push(line)
    if (line.event === 'stop') {
      const at = paused.findIndex(({ actor }) => actor === line.actor)
      if (at >= 0) paused.splice(at, 1)
    }
    const fault = pauseIn(line)
    const actor = `s${String(fault?.server)}`
    if (fault === undefined || paused.some((end) => end.actor === actor)) continue
    const forMs = typeof fault.forMs === 'number' ? fault.forMs : 0
    paused.push({ ...line, event: RESUME, actor, atMs: line.atMs + forMs })
  }
  return lines
}

function pauseIn({ event, fields: { fault } }: ActorLine): Fields | undefined {
  return event === 'fault' && isFields(fault) && fault.kind === 'pause' ? fault : undefined
}
