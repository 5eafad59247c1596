import type { Outcome } from 'synod/internal/machine/outcome.js'
import {
  type ReceivedRequest,
  type Request,
  decodeRequest,
  encodeRequest,
} from 'synod/internal/machine/request.js'
import { type SessionKey, newSessionKey } from 'synod/internal/machine/session-key.js'
import { Sessions } from 'synod/internal/machine/sessions.js'
import { Chance } from '../chance.js'
import { Violation } from '../simulator/checks/violation.js'

const STEPS = 400
const OTHERS = 2

type Step =
  | { readonly type: 'open'; readonly key: SessionKey }
  | { readonly type: 'execute'; readonly request: ReceivedRequest; readonly result: Uint8Array }

/** A table, and how many steps it has taken. */
class Table {
  readonly sessions: Sessions
  taken = 0
  /** A snapshot that it has begun and that is not read yet. */
  told: { readonly at: number; readonly size: number; readonly pieces: Iterable<Uint8Array> } | undefined

  constructor(limit: number, limitBytes: number) {
    this.sessions = new Sessions(limit, limitBytes)
  }
}

/** One key, as the clients that have it know it. */
interface KeyTwin {
  readonly key: SessionKey
  /** The number that it was given last. */
  opening: number
}

/**
 * Tables of sessions with little space, so that sessions end all the time: one sees every request,
 * the others get its snapshots now and then, and must go on alike. Requests and openings come twice
 * and late, some from clients that guess. Throws a Violation.
 */
export function exploreSessions(seed: number): void {
  new Run(new Chance(seed ^ 0x73657373)).run()
}

class Run {
  readonly #chance: Chance
  readonly #first: Table
  readonly #others: readonly Table[]
  readonly #steps: Step[] = []
  readonly #outcomes: string[] = []
  readonly #keys: KeyTwin[] = []
  /** What was executed in which session, and its outcome, by key, opening and sequence. */
  readonly #results = new Map<string, string>()
  #openings = 0

  constructor(chance: Chance) {
    this.#chance = chance
    const limit = 1 + chance.below(8)
    const limitBytes = Math.ceil(20 * 50 ** chance.next())
    this.#first = new Table(limit, limitBytes)
    this.#others = Array.from({ length: OTHERS }, () => new Table(limit, limitBytes))
  }

  run(): void {
    const chance = this.#chance
    while (this.#steps.length < STEPS) {
      this.#steps.push(this.#draw())
      this.#advance(this.#first, this.#steps.length)
      for (const other of this.#others) {
        if (chance.happens(0.2))
          this.#advance(other, Math.min(this.#steps.length, other.taken + chance.below(8)))
        if (chance.happens(0.05)) this.#transfer(other)
      }
    }
    for (const other of this.#others) this.#advance(other, STEPS)
  }

  #draw(): Step {
    const chance = this.#chance
    const before = this.#steps.length === 0 || !chance.happens(0.15) ? undefined : chance.pick(this.#steps)
    if (before !== undefined) return before
    if (this.#keys.length === 0 || chance.happens(0.1)) {
      const key = newSessionKey((size) => Buffer.alloc(size).map(() => chance.below(256)))
      this.#keys.push({ key, opening: 0 })
      return { type: 'open', key }
    }
    const { key, opening } = chance.pick(this.#keys.slice(-10))
    if (chance.happens(0.05)) return { type: 'open', key }
    const sequence = 1 + chance.below(12)
    const fields: Request = {
      kind: 'command',
      timeMs: 0,
      // Who guesses knows all numbers, and not the key.
      session: chance.happens(0.05) ? newSessionKey((size) => Buffer.alloc(size)) : key,
      opening,
      sequence,
      acknowledged: chance.happens(0.3) ? chance.below(sequence) : 0,
      version: 1,
      command: new Uint8Array(0),
    }
    const request = decodeRequest(encodeRequest(fields))
    return { type: 'execute', request, result: Buffer.alloc(chance.below(12), chance.below(256)) }
  }

  #advance(table: Table, to: number): void {
    while (table.taken < to) {
      const step = this.#steps[table.taken++]
      if (step === undefined) break
      const outcome = this.#take(table, step)
      const wanted = (this.#outcomes[table.taken - 1] ??= outcome)
      if (outcome !== wanted)
        throw new Violation(
          'agreement',
          `step ${table.taken} came to '${outcome}' where snapshots were taken in, and else to '${wanted}'`,
        )
    }
  }

  #take(table: Table, step: Step): string {
    const { sessions } = table
    if (step.type === 'open') {
      const before = sessions.size
      const opening = sessions.open(step.key)
      if (table === this.#first) this.#opened(step.key, opening, sessions.size - before)
      return `session ${opening}`
    }
    let ran = false
    const { result, status } = sessions.execute(step.request, (): Outcome => {
      ran = true
      return { status: 'done', result: step.result }
    })
    const outcome = `${status} ${Buffer.from(result).toString('hex')}`
    if (table === this.#first) this.#executed(step.request, outcome, ran)
    return `${outcome}, ${sessions.size} sessions`
  }

  /**
   * A number is given to one key alone; and where the session of the key is open already, it is
   * that one.
   */
  #opened(key: SessionKey, opening: number, more: number): void {
    const twin = this.#keys.find((it) => it.key === key)
    const isNew = opening > this.#openings
    if (twin === undefined || (!isNew && opening !== twin.opening) || (!isNew && more > 0))
      throw new Violation('agreement', `session ${twin?.opening ?? 'none'} was opened as session ${opening}`)
    twin.opening = opening
    this.#openings = Math.max(this.#openings, opening)
  }

  /**
   * A command is executed once, in the session that is open by its key, and answered with the
   * outcome of then.
   */
  #executed({ opening, sequence, session }: Request, outcome: string, ran: boolean): void {
    const twin = this.#keys.find((it) => it.key === session)
    const name = `${session} ${opening} ${sequence}`
    const before = this.#results.get(name)
    const isExpired = outcome.startsWith('expired')
    const mayAnswer = twin?.opening === opening
    if ((ran && before !== undefined) || (!isExpired && (!mayAnswer || (before ?? outcome) !== outcome)))
      throw new Violation(
        'executed-twice',
        `command ${sequence} of session ${opening} came to '${outcome}', where it should be '${mayAnswer ? (before ?? 'new') : 'expired'}'`,
      )
    if (ran) this.#results.set(name, outcome)
  }

  /**
   * What the first table tells of its state replaces that of another one; some of it is read only a
   * few steps later.
   */
  #transfer(other: Table): void {
    const first = this.#first
    const { sessions, taken } = first
    if (first.told === undefined) {
      first.told = { at: taken, size: sessions.size, pieces: sessions.snapshot() }
      if (this.#chance.happens(0.5)) return
    }
    const { at, pieces, size } = first.told
    first.told = undefined
    if (at < other.taken) return
    const restoration = other.sessions.restoration()
    for (const piece of pieces) restoration.take(piece)
    restoration.end()
    other.taken = at
    if (other.sessions.size !== size)
      throw new Violation('agreement', `a snapshot of ${size} sessions made ${other.sessions.size}`)
  }
}
