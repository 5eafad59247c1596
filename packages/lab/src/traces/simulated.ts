import { type Fields, isFields } from './json.js'
import type { Told } from './tell.js'

/**
 * What a line of our own tells: that a server which was paused goes on. The trace has no such line.
 */
export const RESUME = 'resume'

/**
 * The lines of a simulation, with one more where a pause ends: when its time is over, or all faults
 * are, unless its server stopped before.
 */
export function withResumes(told: readonly Told[]): Told[] {
  const lines: Told[] = []
  const paused: Told[] = []
  for (const line of told) {
    const isOver = (end: Told) => end.at_ms <= line.at_ms || line.event === 'heal'
    const over = paused.filter(isOver).sort((a, b) => a.at_ms - b.at_ms)
    for (const end of over) {
      paused.splice(paused.indexOf(end), 1)
      lines.push({ ...end, at_ms: Math.min(end.at_ms, line.at_ms) })
    }
    lines.push(line)
    if (line.event === 'stop') {
      const at = paused.findIndex(({ actor }) => actor === line.actor)
      if (at >= 0) paused.splice(at, 1)
    }
    const fault = pauseIn(line)
    const actor = `s${String(fault?.server)}`
    if (fault === undefined || paused.some((end) => end.actor === actor)) continue
    const for_ms = typeof fault.for_ms === 'number' ? fault.for_ms : 0
    paused.push({ ...line, event: RESUME, actor, at_ms: line.at_ms + for_ms })
  }
  return lines
}

function pauseIn({ event, fields: { fault } }: Told): Fields | undefined {
  return event === 'fault' && isFields(fault) && fault.kind === 'pause' ? fault : undefined
}
