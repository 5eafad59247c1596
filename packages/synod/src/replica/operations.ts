import { SynodError } from '../errors.js'
import type { Outcome } from '../machine/outcome.js'
import { encodePiece } from '../net/client/codec.js'
import type { ServerId, Slot } from '../paxos/ballot.js'
import type { Mode } from '../paxos/config.js'
import { type Caller, OVER, type Operation } from './caller.js'
import type { CommandService } from './command-service.js'
import type { ReplicaCounters } from './replica-counters.js'
import type { Followable, Follows } from './follows.js'
import type { Inbox } from './inbox.js'
import { MAX_COMMAND_BYTES } from './options.js'
import type { Query, PendingReads } from './pending-reads.js'
import type { Transfers } from './transfers.js'
import type { SnapshotPiece } from '../net/client/messages.js'

export interface OperationsParts {
  readonly mode: Mode
  readonly counts: ReplicaCounters
  readonly commands: CommandService
  readonly reads: PendingReads
  readonly follows: Follows
  readonly transfers: Transfers
  readonly state: { save(slot: Slot, offset: number, owner: object): Promise<SnapshotPiece> }
  readonly inbox: Inbox
}

/**
 * What callers ask of a replica, in this process or over the network. The caller of each is
 * told once, unless it gives up. Operations of one owner are served in order,
 * and owners take turns.
 */
export class Operations {
  readonly #parts: OperationsParts

  constructor(parts: OperationsParts) {
    this.#parts = parts
  }

  /** Has an encoded request executed. Throws as `CommandService.submit` does. */
  execute(value: Uint8Array, owner: object, caller: Caller<Outcome>): Operation {
    return this.#parts.commands.submit(value, caller, owner)
  }

  /**
   * Answers a query from a state with everything that was acknowledged before. Throws `overloaded`.
   */
  read<T>(query: Query<T>, caller: Caller<T>, owner?: object): Operation {
    const { counts, inbox, reads } = this.#parts
    counts.reads++
    try {
      const operation = reads.linearizable(query, caller, owner)
      inbox.wake()
      return operation
    } catch (error) {
      throw counts.refusal(error)
    }
  }

  /**
   * Answers a query from the state as it is once `atLeast` is executed here. Throws `overloaded`.
   */
  readStale<T>(query: Query<T>, atLeast: Slot, caller: Caller<T>, owner?: object): Operation {
    const { counts, reads } = this.#parts
    counts.staleReads++
    try {
      return reads.stale(query, atLeast, caller, owner)
    } catch (error) {
      throw counts.refusal(error)
    }
  }

  /**
   * Answers what is followed when it comes, once `atLeast` is executed here. Throws `overloaded`.
   */
  follow<T>(what: Followable<T>, atLeast: Slot, caller: Caller<T>, owner?: object): Operation {
    const { counts, follows, reads } = this.#parts
    counts.staleReads++
    let current = OVER
    const begin = (readable: true | SynodError) => {
      try {
        if (readable === true) current = follows.begin(what, caller, owner)
        else caller.done(readable)
      } catch (error) {
        caller.done(counts.refusal(error) as SynodError)
      }
    }
    try {
      const isReadable = { sizeBytes: what.sizeBytes, answer: () => true as const }
      const waiting = reads.stale(isReadable, atLeast, { done: begin }, owner)
      if (current === OVER) current = waiting
    } catch (error) {
      throw counts.refusal(error)
    }
    return {
      giveUp: () => {
        current.giveUp()
      },
    }
  }

  /**
   * Has another server lead: `to`, or the one that keeps up best where it is 0. Throws
   * `wrong-mode`, and as `Transfers.begin` does.
   */
  transfer(to: ServerId, caller: Caller<undefined>): Operation {
    const { mode, transfers } = this.#parts
    if (mode === 'leaderless')
      throw new SynodError('wrong-mode', 'in leaderless mode there is no leadership to transfer')
    const giveUp = transfers.begin(to, (error) => {
      caller.done(error)
    })
    return { giveUp }
  }

  /**
   * A piece of a new snapshot where `slot` is 0, or of the snapshot whose first piece was sent
   * before.
   */
  save(slot: Slot, offset: number, owner: object, caller: Caller): Operation {
    const { inbox, state } = this.#parts
    let isOver = false
    const answer = (result: Uint8Array | SynodError) => {
      if (isOver) return
      caller.done(result)
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
    const giveUp = () => {
      isOver = true
    }
    return { giveUp }
  }
}

/** Throws `too-large`. */
export function checkSize(what: 'command' | 'query', { length }: Uint8Array): void {
  if (length <= MAX_COMMAND_BYTES) return
  throw new SynodError('too-large', `a ${what} has at most ${MAX_COMMAND_BYTES} bytes, not ${length}`)
}
