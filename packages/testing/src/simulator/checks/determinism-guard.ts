import type { ServerId } from 'synod/internal/paxos/ballot.js'
import { Chance } from '../../chance.js'
import { Violation } from './violation.js'

type Inside = 'apply' | 'query'

/**
 * Stands between a state machine and the clock and chance of the system: while `apply` runs, a look
 * at them is noted, and answered differently on each server, as it would be on real ones. A look is
 * a mistake even where nothing comes of it today.
 */
export class DeterminismGuard implements Disposable {
  static #stands = false
  readonly #chance: Chance
  readonly #restore: (() => void)[] = []
  #server: ServerId = 0
  #inside: Inside | undefined
  #looked: string | undefined

  /** Throws if there is another: they would not put back what was there. */
  constructor(seed: number) {
    if (DeterminismGuard.#stands) throw new Error('one simulation at a time: another one runs in this thread')
    DeterminismGuard.#stands = true
    this.#chance = new Chance(seed)
    const RealDate = Date
    const isLooking = (name: string) => this.#isLooking(name)
    const time = () => this.#time()
    const guarded = (name: string, real: () => number) => () => (isLooking(name) ? time() : real())
    const now = guarded('Date.now()', () => RealDate.now())
    // A proxy, so that dates from before are instances of it too.
    const guardedDate = new Proxy(RealDate, {
      apply: () => new RealDate(isLooking('Date()') ? time() : RealDate.now()).toString(),
      construct: (date, args: unknown[], target) =>
        Reflect.construct(
          date,
          args.length === 0 && isLooking('new Date()') ? [time()] : args,
          target,
        ) as Date,
      get: (date, name) => (name === 'now' ? now : (Reflect.get(date, name) as unknown)),
    })
    this.#replace(globalThis, 'Date', guardedDate)
    const { random } = Math
    this.#replace(Math, 'random', () => (this.#isLooking('Math.random()') ? this.#chance.next() : random()))
    const performanceNow = performance.now.bind(performance)
    this.#replace(performance, 'now', guarded('performance.now()', performanceNow))
    const randomUUID = crypto.randomUUID.bind(crypto)
    this.#replace(crypto, 'randomUUID', () => {
      this.#isLooking('crypto.randomUUID()')
      return randomUUID()
    })
  }

  /** Runs a step of the state machine of a server. */
  run<T>(server: ServerId, inside: Inside, step: () => T): T {
    this.#server = server
    this.#inside = inside
    try {
      return step()
    } finally {
      this.#inside = undefined
    }
  }

  /** Throws a Violation if the last step looked where it must not. */
  check(step: string): void {
    const looked = this.#looked
    this.#looked = undefined
    if (looked === undefined) return
    throw new Violation(
      'non-determinism',
      `${step} called ${looked}: each replica gets another answer, and comes to another state; ` +
        `take the time from the context (timeMs), and put random values into the command`,
    )
  }

  [Symbol.dispose](): void {
    for (const restore of this.#restore.reverse()) restore()
    DeterminismGuard.#stands = false
  }

  #isLooking(name: string): boolean {
    if (this.#inside !== 'apply') return false
    this.#looked ??= name
    return true
  }

  #time(): number {
    return 1_700_000_000_000 + this.#server * 1000 + this.#chance.below(1000)
  }

  #replace(target: object, name: string, value: unknown): void {
    const before = Object.getOwnPropertyDescriptor(target, name)
    Object.defineProperty(target, name, { value, configurable: true, writable: true })
    this.#restore.push(() => {
      if (before !== undefined) Object.defineProperty(target, name, before)
      else Reflect.deleteProperty(target, name)
    })
  }
}
