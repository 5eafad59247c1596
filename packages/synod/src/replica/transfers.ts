import type { Clock } from '../clock.js'
import { SynodError } from '../errors.js'
import { MIN_RETRY_MS, overloaded } from '../service-pace.js'
import type { ServerId } from '../paxos/ballot.js'
import type { Paxos } from '../paxos/paxos.js'
import type { Inbox } from './inbox.js'

/** The request to the leader may get lost: it is sent again after this time. */
const AGAIN_MS = 100

/** After this time a transfer has failed. */
export const TRANSFER_MS = 5000

/** How many transfers may wait at once: more than people and programs have a reason for. */
export const MAX_TRANSFERS = 256

export interface TransfersParts {
  readonly clock: Clock
  readonly paxos: Paxos
  readonly inbox: Pick<Inbox, 'step'>
}

interface Transfer {
  /** The leader that is to be replaced; undefined until one is known. */
  from: ServerId | undefined
  readonly to: ServerId
  readonly untilMs: number
  readonly done: (error?: SynodError) => void
}

/** Transfers of the leadership that callers wait for. */
export class Transfers {
  readonly #parts: TransfersParts
  readonly #waiting = new Set<Transfer>()
  #cancelTimer: () => void = () => undefined

  constructor(parts: TransfersParts) {
    this.#parts = parts
  }

  /**
   * Has `to` lead, or the server that keeps up best where it is 0. Where no leader is known it
   * waits for one. `done` is called once. Returns what gives up on it. Throws `invalid-options`
   * for a server that does not vote, and `overloaded`.
   */
  begin(to: ServerId, done: (error?: SynodError) => void): () => void {
    const { clock, paxos } = this.#parts
    if (to !== 0 && !paxos.membership.voters.includes(to))
      throw new SynodError('invalid-options', `s${to} is not a server that votes`)
    const [oldest] = this.#waiting
    if (oldest !== undefined && this.#waiting.size >= MAX_TRANSFERS) {
      const what = `${MAX_TRANSFERS} wait already for another server to lead`
      throw overloaded(what, Math.max(MIN_RETRY_MS, Math.ceil(oldest.untilMs - clock.now())))
    }
    const transfer: Transfer = { from: paxos.leader, to, untilMs: clock.now() + TRANSFER_MS, done }
    this.#waiting.add(transfer)
    this.#ask()
    return () => this.#waiting.delete(transfer)
  }

  /** The leader may be another one. */
  refresh(): void {
    const { leader } = this.#parts.paxos
    if (this.#waiting.size === 0 || leader === undefined) return
    for (const transfer of this.#waiting) {
      transfer.from ??= leader
      if (transfer.to === 0 ? leader !== transfer.from : leader === transfer.to) this.#end(transfer)
    }
  }

  stop(): void {
    this.#cancelTimer()
    this.#waiting.clear()
  }

  #ask(): void {
    const { clock, inbox } = this.#parts
    this.refresh()
    for (const transfer of this.#waiting) {
      if (clock.now() < transfer.untilMs) inbox.step({ type: 'transfer', to: transfer.to })
      else this.#end(transfer, transferFailed(transfer))
    }
    this.#cancelTimer()
    if (this.#waiting.size === 0) return
    this.#cancelTimer = clock.timer(AGAIN_MS, () => {
      this.#ask()
    })
  }

  #end(transfer: Transfer, error?: SynodError): void {
    if (this.#waiting.delete(transfer)) transfer.done(error)
  }
}

function transferFailed({ from }: Transfer): SynodError {
  return from === undefined
    ? new SynodError('transfer-failed', `no server has led for ${TRANSFER_MS} ms: see in the status why`)
    : new SynodError(
        'transfer-failed',
        `no server took over the leadership within ${TRANSFER_MS} ms: see in the status who is connected`,
      )
}
