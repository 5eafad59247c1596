import type { Clock } from '../clock.js'
import { SynodError } from '../errors.js'
import type { Outcome } from '../machine/outcome.js'
import { encodePiece } from '../net/client/codec.js'
import type { ServerId, Slot } from '../paxos/ballot.js'
import type { Mode } from '../paxos/config.js'
import type { CommandService } from './command-service.js'
import type { ReplicaCounters } from './replica-counters.js'
import type { Inbox } from './inbox.js'
import { MAX_COMMAND_BYTES } from './options.js'
import type { OnAnswer, Query, PendingReads } from './pending-reads.js'
import type { Transfers } from './transfers.js'
import type { SnapshotPiece } from '../net/client/messages.js'

export interface OperationsParts {
  readonly clock: Clock
  readonly mode: Mode
  readonly counts: ReplicaCounters
  readonly commands: CommandService
  readonly reads: PendingReads
  readonly transfers: Transfers
  readonly state: { save(slot: Slot, offset: number, owner: object): Promise<SnapshotPiece> }
  readonly inbox: Inbox
}

/**
 * What callers ask of a replica, in this process or over the network. Each operation calls `done`
 * once, and returns a function that gives up on it. Operations of one owner are served in order,
 * and owners take turns.
 */
export class Operations {
  readonly #parts: OperationsParts

  constructor(parts: OperationsParts) {
    this.#parts = parts
  }

  /** Has an encoded request executed. Throws as `CommandService.submit` does. */
  execute(value: Uint8Array, owner: object, done: (outcome: Outcome | SynodError) => void): () => void {
    return this.#parts.commands.submit(value, done, owner)
  }

  /**
   * Answers a query from a state with everything that was acknowledged before. Throws `overloaded`.
   */
  read<T>(query: Query<T>, done: OnAnswer<T>, owner?: object): () => void {
    const { clock, counts, inbox, reads } = this.#parts
    const arrivedMs = clock.now()
    counts.reads++
    const answered: OnAnswer<T> = (answer) => {
      counts.readSeconds.record((clock.now() - arrivedMs) / 1000)
      done(answer)
    }
    const giveUp = counts.unlessRefused(() => reads.linearizable(query, answered, owner))
    inbox.wake()
    return giveUp
  }

  /**
   * Answers a query from the state as it is once `atLeast` is executed here. Throws `overloaded`.
   */
  readStale<T>(query: Query<T>, atLeast: Slot, done: OnAnswer<T>, owner?: object): () => void {
    const { counts, reads } = this.#parts
    counts.staleReads++
    return counts.unlessRefused(() => reads.stale(query, atLeast, done, owner))
  }

  /**
   * Has another server lead: `to`, or the one that keeps up best where it is 0. Throws
   * `wrong-mode`, and as `Transfers.begin` does.
   */
  transfer(to: ServerId, done: (error?: SynodError) => void): () => void {
    const { mode, transfers } = this.#parts
    if (mode === 'leaderless')
      throw new SynodError('wrong-mode', 'in leaderless mode there is no leadership to transfer')
    return transfers.begin(to, done)
  }

  /**
   * A piece of a new snapshot where `slot` is 0, or of the snapshot whose first piece was sent
   * before.
   */
  save(slot: Slot, offset: number, owner: object, done: OnAnswer): () => void {
    const { inbox, state } = this.#parts
    let isOver = false
    const answer = (result: Uint8Array | SynodError) => {
      if (isOver) return
      done(result)
      inbox.wake()
    }
    state.save(slot, offset, owner).then(
      (piece) => {
        answer(encodePiece(piece))
      },
      (error: unknown) => {
        answer(error as SynodError)
      },
    )
    return () => {
      isOver = true
    }
  }
}

/** Throws `too-large`. */
export function checkSize(what: 'command' | 'query', { length }: Uint8Array): void {
  if (length <= MAX_COMMAND_BYTES) return
  throw new SynodError('too-large', `a ${what} has at most ${MAX_COMMAND_BYTES} bytes, not ${length}`)
}
