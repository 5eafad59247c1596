import { type ModelConfig, paxosConfig, serversOf } from './config.js'
import type { ModelTrace } from './replay.js'
import type { ModelEvent } from './step-events.js'

/**
 * A way through the states of a cluster as the lines of a trace. There is no clock: the time of
 * each line is the number of its step, from 1 on. A message that arrives oftener than it was sent
 * is said to arrive `again`.
 */
export function traceLines(config: ModelConfig, { steps, violation }: ModelTrace): string[] {
  const { mode } = config
  const { configurations } = paxosConfig(config, 1).membership
  const { quorums, voters: servers } = configurations[0] ?? {}
  const lines: string[] = []
  const emit = (atMs: number, event: object) => lines.push(JSON.stringify({ atMs, ...event }))
  for (const server of serversOf(config)) emit(0, { event: 'start', server, mode, servers, quorums })
  /** By message: how many copies are on their way. */
  const copies = new Map<string, number>()
  for (const [index, { events }] of steps.entries())
    for (const event of events) emit(index + 1, isAgain(event, copies) ? { ...event, again: true } : event)
  if (violation !== undefined)
    emit(steps.length, { event: 'violation', kind: 'invariant', message: violation })
  return lines
}

function isAgain(event: ModelEvent, copies: Map<string, number>): boolean {
  if (event.event !== 'send' && event.event !== 'message') return false
  const { from, message, to } = event
  const key = JSON.stringify([from, to, message])
  const before = copies.get(key) ?? 0
  const isArrival = event.event === 'message'
  copies.set(key, isArrival ? Math.max(0, before - 1) : before + 1)
  return isArrival && before === 0
}
