import { useLayoutEffect, useRef } from 'preact/hooks'
import { ballotText } from '../picture/label.js'
import type { Logs, SlotLog } from '../picture/logs.js'
import type { ChosenValue } from '../picture/chosen-values.js'

export interface LogGridProps {
  readonly logs: Logs
  readonly choices: readonly ChosenValue[]
  /** The moment at which they are shown: the place of an event. */
  readonly event: number
}

/** As many slots are shown, the last that are in use: a grid of thousands is no picture. */
const MOST_SLOTS = 60

/**
 * The log of every server, slot by slot, as it is at a moment; below, what a quorum of votes has
 * chosen by then.
 */
export function LogGrid({ choices, event, logs }: LogGridProps) {
  const inUse = logs.slotsAt(event)
  const slots = inUse.length < MOST_SLOTS ? logs.slots.slice(0, MOST_SLOTS) : inUse.slice(-MOST_SLOTS)
  const chosen = new Map(
    choices.filter((choice) => choice.event <= event).map((choice) => [choice.slot, choice]),
  )
  const grid = useRef<HTMLDivElement>(null)
  const last = slots.at(-1)
  useLayoutEffect(() => {
    if (grid.current !== null) grid.current.scrollLeft = grid.current.scrollWidth
  }, [last])
  return (
    <div class="logs" ref={grid}>
      <table>
        <thead>
          <tr>
            <th scope="col">slot</th>
            {slots.map((slot) => (
              <th key={slot} scope="col">
                {slot}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {logs.servers.map((server) => (
            <tr key={server}>
              <th scope="row" title={promiseTitle(logs, server, event)}>
                {server.toUpperCase()}
              </th>
              {slots.map((slot) => (
                <Cell key={slot} log={logs.at(server, slot, event)} />
              ))}
            </tr>
          ))}
          <tr>
            <th scope="row">chosen</th>
            {slots.map((slot) => {
              const choice = chosen.get(slot)
              return choice === undefined ? (
                <td key={slot} />
              ) : (
                <td key={slot} class="chosen" title={quorumTitle(choice)}>
                  {choice.value}
                </td>
              )
            })}
          </tr>
        </tbody>
      </table>
    </div>
  )
}

function Cell({ log }: { readonly log: SlotLog }) {
  const { chosen, promised, state, vote } = log
  const isVolatile = vote === undefined ? promised?.durable === false : !vote.durable
  return (
    <td class={isVolatile ? `${state} volatile` : state} title={cellTitle(log)}>
      {chosen ?? vote?.value ?? (promised === undefined ? '' : ballotText(promised.ballot))}
    </td>
  )
}

function cellTitle({ chosen, promised, state, vote }: SlotLog): string {
  const parts: string[] = [state]
  if (promised !== undefined) parts.push(`promised ${ballotText(promised.ballot)}`)
  if (vote !== undefined)
    parts.push(
      `voted for ${vote.value} at ${ballotText(vote.ballot)}${vote.durable ? '' : ', not durable yet'}`,
    )
  if (chosen !== undefined) parts.push(`chosen: ${chosen}`)
  return parts.join('; ')
}

function promiseTitle(logs: Logs, server: string, event: number): string {
  const promised = logs.promised(server, event)
  return promised === undefined
    ? 'no promise for all slots'
    : `promised ${ballotText(promised.ballot)} in all slots`
}

function quorumTitle({ ballot, quorum }: ChosenValue): string {
  return `chosen at ${ballotText(ballot)} by the votes of ${quorum.map((server) => `s${server}`).join(', ')}`
}
