import { type Ballot, type Slot, compareBallots } from 'synod-testing/script'
import type { ActorId, Picture } from './picture.js'
import { ServerLog } from './server-log.js'
import type { SlotRecord } from './slot-log.js'

/** What a slot is in the log of a server: the last of these that holds. */
export type SlotStage = 'empty' | 'promised' | 'voted' | 'chosen' | 'executed' | 'trimmed'

/** A slot in the log of a server, at a moment. */
export interface SlotLog {
  readonly state: SlotStage
  /**
   * The highest ballot that binds the server here: by a promise for this slot or for all, or by a
   * vote.
   */
  readonly promised: { readonly ballot: Ballot; readonly durable: boolean } | undefined
  /** Its vote at the highest ballot; only written as long as it is not durable. */
  readonly vote: SlotRecord['vote']
  /**
   * The value that it knows to be chosen; undefined where it knows of none, or does not say which.
   */
  readonly chosen: string | undefined
}

/** The logs of all servers of a picture, at any moment. */
export interface Logs {
  /** In the order of their columns. */
  readonly servers: readonly ActorId[]
  /** The slots that any of them ever said something of, in order. */
  readonly slots: readonly Slot[]
  /** Those of them that one had said something of by an event. */
  readonly slotsAt: (event: number) => readonly Slot[]
  /**
   * What the log of a server says of a slot after an event, by its place in the picture; −1 is
   * before all.
   */
  readonly at: (server: ActorId, slot: Slot, event: number) => SlotLog
  /** The ballot promised for the whole log. */
  readonly promised: (server: ActorId, event: number) => SlotLog['promised']
  /** A snapshot holds the effects of the slots up to this one; 0 if there is none. */
  readonly trimmed: (server: ActorId, event: number) => Slot
}

/**
 * Made once for a picture, in one pass over its events; a slot at a moment is then found by halving
 * its own changes.
 */
export function logsOf({ actors, events }: Picture): Logs {
  const servers = actors.filter((actor) => actor.startsWith('s'))
  const logs = new Map(servers.map((server) => [server, new ServerLog()]))
  for (const [index, event] of events.entries()) logs.get(event.actor)?.apply(event, index)
  const known = new Set([...logs.values()].flatMap((log) => [...log.slots]))
  known.delete(0)
  const slots = [...known].sort((a, b) => a - b)
  return {
    servers,
    slots,
    slotsAt: (event) => slots.filter((slot) => [...logs.values()].some((log) => log.since(slot) <= event)),
    at: (server, slot, event) => slotLog(logs.get(server), slot, event),
    promised: (server, event) => logs.get(server)?.entry(0, event).promised,
    trimmed: (server, event) => logs.get(server)?.trimmed(event) ?? 0,
  }
}

const EMPTY: SlotLog = { state: 'empty', promised: undefined, vote: undefined, chosen: undefined }

function slotLog(log: ServerLog | undefined, slot: Slot, event: number): SlotLog {
  if (log === undefined) return EMPTY
  const { chosen, executed, promised, vote } = log.entry(slot, event)
  const bound = [promised, log.entry(0, event).promised, vote]
    .filter((one) => one !== undefined)
    .reduce<SlotLog['promised']>(
      (most, { ballot, durable }) =>
        most !== undefined && compareBallots(most.ballot, ballot) >= 0 ? most : { ballot, durable },
      undefined,
    )
  const rest = { promised: bound, vote, chosen }
  if (slot <= log.trimmed(event)) return { state: 'trimmed', ...rest }
  if (executed) return { state: 'executed', ...rest }
  if (chosen !== undefined) return { state: 'chosen', ...rest }
  if (vote !== undefined) return { state: 'voted', ...rest }
  return { state: bound === undefined ? 'empty' : 'promised', ...rest }
}
