import type { Clock } from '../clock.js'
import { type Agreed, type Support, mostFor } from '../cluster/versions.js'
import type { Raise } from '../machine/raise.js'
import type { ServerId } from '../paxos/ballot.js'
import type { ServerSet } from '../paxos/server-set.js'

/** So often it looks whether all members support more than they have agreed on. */
const LOOK_MS = 200

export interface VersionsParts {
  readonly self: ServerId
  readonly clock: Clock
  readonly own: Support
  /** As of the executed bar. */
  readonly agreed: () => Agreed
  /** Those that vote or learn, as of the chosen bar; none while that is not known. */
  readonly servers: () => ServerSet
  /** What a server that is connected can work with: one that is not may come back with another build. */
  readonly supportOf: (server: ServerId) => Support | undefined
  /** Whether it is for this replica to propose a raise. Several may: the second one changes nothing. */
  readonly isInCharge: () => boolean
  /** Has a raise chosen; resolves when it is over, whatever came of it. */
  readonly submit: (raise: Raise) => Promise<void>
  /** Another server may be too old from now on. */
  readonly onRaised: () => void
}

/** Raises what the members have agreed on as soon as all of them support more. */
export class Versions {
  readonly #parts: VersionsParts
  #known: Agreed
  #isRaising = false
  #cancelLook: () => void = () => undefined

  constructor(parts: VersionsParts) {
    this.#parts = parts
    this.#known = parts.agreed()
  }

  /** From now on, until `stop`. */
  look(): void {
    this.#raise()
    this.#cancelLook()
    this.#cancelLook = this.#parts.clock.timer(LOOK_MS, () => {
      this.look()
    })
  }

  /** Slots have been executed, or a snapshot was taken in. */
  executed(): void {
    const { agreed, onRaised } = this.#parts
    if (agreed() === this.#known) return
    this.#known = agreed()
    onRaised()
  }

  stop(): void {
    this.#cancelLook()
  }

  #raise(): void {
    const { agreed, isInCharge, own, self, servers, submit, supportOf } = this.#parts
    if (this.#isRaising || !isInCharge()) return
    const members: Raise['members'][number][] = []
    for (const server of servers()) {
      const support = server === self ? own : supportOf(server)
      if (support === undefined) return
      members.push({ server, support })
    }
    if (members.length === 0) return
    const before = agreed()
    const to = mostFor(
      members.map(({ support }) => support),
      before,
    )
    if (to.format === before.format && to.machine === before.machine) return
    this.#isRaising = true
    void submit({ to, members }).then(() => {
      this.#isRaising = false
    })
  }
}
