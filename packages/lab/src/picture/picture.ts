import type { Ballot, Mode, Quorums, ServerId, Slot } from 'synod-testing/script'

// What a space-time diagram shows, of the cluster of the page or of an opened trace. It is plain
// data; the layout, the logs, the causes and the filters are functions of it.

/** Who has a column: `c1` is a client, `s1` a server. */
export type ActorId = string

/**
 * A message on its way, from the event in which it left to the one in which it arrived or got lost.
 */
export interface PictureMessage {
  readonly id: number
  readonly from: ActorId
  readonly to: ActorId
  /**
   * Its type: `prepare`, `promise`, `accept` and so on between servers, `request` and `answer`
   * between a client and a server.
   */
  readonly type: string
  readonly ballot: Ballot | undefined
  /** The slots that it speaks of. */
  readonly slots: readonly [first: Slot, last: Slot] | undefined
  /** The values in it, as people read them. */
  readonly values: readonly string[]
  /** All of it in a line. */
  readonly text: string
  /** All fields as plain data. */
  readonly fields: unknown
}

/** A record of a journal, with its values as people read them. */
export type PictureRecord =
  | { readonly type: 'promise'; readonly ballot: Ballot; readonly scope: 'slot' | 'log'; readonly slot: Slot }
  | {
      readonly type: 'vote'
      readonly ballot: Ballot
      readonly first: Slot
      readonly values: readonly string[]
    }
  | { readonly type: 'chosen'; readonly first: Slot; readonly last: Slot }
  | { readonly type: 'decided'; readonly first: Slot; readonly values: readonly string[] }
  | { readonly type: 'trim'; readonly slot: Slot }

/** What happened to an actor. */
export type ActorEvent =
  | { readonly kind: 'send'; readonly message: number }
  /** A message arrived; `again` if a copy of it had arrived before. */
  | { readonly kind: 'receive'; readonly message: number; readonly again: boolean }
  | { readonly kind: 'lose'; readonly message: number; readonly why: string }
  | { readonly kind: 'timer' }
  /** It wrote these records; they are not durable yet. */
  | { readonly kind: 'write'; readonly records: readonly PictureRecord[] }
  | { readonly kind: 'durable'; readonly records: readonly PictureRecord[] }
  | { readonly kind: 'crash' | 'restart' | 'pause' | 'resume' }
  /** What it is from here on, in a word or two, and at which ballot. */
  | { readonly kind: 'role'; readonly role: string; readonly ballot: Ballot | undefined }
  /** It knows from here on that these values are chosen. */
  | { readonly kind: 'chosen'; readonly first: Slot; readonly values: readonly string[] }
  | { readonly kind: 'execute'; readonly first: Slot; readonly last: Slot }
  | { readonly kind: 'violation'; readonly text: string }
  /** Something else that a trace tells of. */
  | { readonly kind: 'note'; readonly text: string }

/**
 * Things that happen to one actor in one step have the same step: a step is a row of the diagram.
 */
export type PictureEvent = ActorEvent & {
  readonly actor: ActorId
  readonly step: number
  readonly atMs: number
}

/** Who decides the slots from this one on. */
export interface PictureConfiguration {
  readonly first: Slot
  readonly voters: readonly ServerId[]
  readonly quorums: Quorums
}

export interface Picture {
  readonly mode: Mode
  /** In the order of their columns. */
  readonly actors: readonly ActorId[]
  /**
   * The known configurations, in the order of their slots: each governs the slots from its first
   * one on, up to the next one's.
   */
  readonly configurations: readonly [PictureConfiguration, ...PictureConfiguration[]]
  /** By id: an id is the place in here. */
  readonly messages: readonly PictureMessage[]
  /** In the order of time; steps do not go down. */
  readonly events: readonly PictureEvent[]
}

/** A picture without actors and events. */
export const EMPTY_PICTURE: Picture = {
  mode: 'leader',
  actors: [],
  configurations: [{ first: 1, voters: [], quorums: { phase1: 1, phase2: 1 } }],
  messages: [],
  events: [],
}

/**
 * Whether messages of this type only show that a server is up: they are folded unless asked for.
 */
export function isHeartbeat(type: string): boolean {
  return type === 'heartbeat' || type === 'heartbeat-answer'
}
