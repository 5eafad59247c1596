import type { ErrorCode } from '../errors.js'
import type { RecoveryCase } from '../journal/recovery-table.js'
import type { ServerId, Slot } from '../paxos/ballot.js'
import type { Mode } from '../paxos/config.js'
import type { Quorums } from '../paxos/quorum.js'
import type { JournalRecord } from '../paxos/records.js'
import { type TagOf, showValue, toPlainData } from './shown.js'

/** A message between two parties: `s1` is a server, `c1` a client. */
export interface Exchange {
  /** Where connections are numbered. */
  readonly connection?: number
  readonly from: string
  readonly to: string
}

/** What happens on one replica, as plain data. docs/reference/trace.md explains each kind. */
export type ReplicaEvent =
  | {
      readonly event: 'start'
      readonly server: ServerId
      /** What follows is in the first line of a simulation's trace. */
      readonly cluster?: string
      readonly mode?: Mode
      readonly servers?: readonly ServerId[]
      readonly quorums?: Quorums
      readonly leaseMs?: number
    }
  | {
      readonly event: 'open'
      readonly server: ServerId
      readonly recovery: RecoveryCase
      readonly damage: string | null
    }
  | { readonly event: 'stop'; readonly server: ServerId }
  | {
      readonly event: 'failed'
      readonly server: ServerId
      readonly code: ErrorCode | 'internal'
      readonly message: string
    }
  | ({ readonly event: 'send'; readonly message: unknown } & Exchange)
  | ({ readonly event: 'message'; readonly message: unknown } & Exchange)
  | { readonly event: 'durable'; readonly server: ServerId; readonly records: readonly unknown[] }
  | { readonly event: 'chosen'; readonly server: ServerId; readonly first: Slot; readonly last: Slot }
  | {
      readonly event: 'execute'
      readonly slot: Slot
      /** The place of the command in the batch of the slot, from 0. */
      readonly index: number
      readonly tag: number | string
      readonly command: unknown
      readonly by: ServerId
      readonly result: string | undefined
    }
  | { readonly event: 'dropped'; readonly server: ServerId; readonly events: number }

/** An event of a trace, with its time in milliseconds. */
export type TraceEvent = { readonly atMs: number } & ReplicaEvent

export function messageEvent(
  event: 'send' | 'message',
  { connection, from, to }: Exchange,
  message: object,
  tagOf: TagOf,
): ReplicaEvent {
  const numbered = connection === undefined ? {} : { connection }
  return { event, ...numbered, from, to, message: plain(message, tagOf) }
}

export function durableEvent(
  server: ServerId,
  records: readonly JournalRecord[],
  tagOf: TagOf,
): ReplicaEvent {
  return { event: 'durable', server, records: records.map((record) => plain(record, tagOf)) }
}

function plain(it: object, tagOf: TagOf): unknown {
  return toPlainData(it, (bytes) => showValue(bytes, tagOf))
}
