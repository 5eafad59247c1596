import type { ServerId, Slot } from 'synod/internal/paxos/ballot.js'
import type { Output } from 'synod/internal/paxos/effects.js'
import type { Message, MessageType } from 'synod/internal/paxos/messages.js'
import type { Input } from 'synod/internal/paxos/paxos.js'
import type { JournalRecord } from 'synod/internal/paxos/records.js'
import type { Value } from 'synod/internal/paxos/value.js'

/** A message on its way. */
export interface Transit {
  readonly from: ServerId
  readonly to: ServerId
  readonly message: Message
}

/** A message on its way, of a known type. */
export interface TransitOf<T extends MessageType> extends Transit {
  readonly message: Extract<Message, { type: T }>
}

/** What became of a message: taken, or lost because the link is cut or the server is down. */
export type Arrival = 'taken' | 'cut' | 'down'

/** What can happen to the process of a server. */
export type Turn = 'crash' | 'restart' | 'pause' | 'resume'

/** Is told what happens in a cluster, at once. Each of its methods may be left out. */
export interface ClusterObserver {
  /**
   * A client asks these servers for values. The servers that are up and not paused step next, one
   * after the other.
   */
  requested?(client: number, servers: readonly ServerId[], values: readonly Value[]): void
  /**
   * A server is about to take a step. One that installs a snapshot takes a further step in the
   * middle of it.
   */
  stepping?(id: ServerId, input: Input): void
  stepped?(id: ServerId, input: Input, output: Output): void
  /** A message has left its sender. */
  sent?(transit: Transit): void
  /**
   * A message, or a copy of one that stays under way, is at its end. If it is taken, the step
   * follows.
   */
  arrived?(transit: Transit, arrival: Arrival): void
  /** A message was taken off the network for good. */
  lost?(transit: Transit): void
  /** These records of a server are durable from now on. What waited for that follows. */
  durable?(id: ServerId, records: readonly JournalRecord[]): void
  /**
   * A server gets the snapshot of a peer, which holds the state after every slot up to this one.
   */
  installing?(id: ServerId, from: ServerId, slot: Slot): void
  /** Something is about to happen to the process of a server. */
  turning?(id: ServerId, turn: Turn): void
  turned?(id: ServerId, turn: Turn): void
}
