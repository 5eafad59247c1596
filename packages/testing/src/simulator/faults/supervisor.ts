import { SynodError } from 'synod/internal/errors.js'
import type { AnyMachine } from 'synod/internal/machine/machine.js'
import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { Chance } from '../../chance.js'
import { Violation } from '../checks/violation.js'
import type { Trace } from '../trace/trace.js'
import type { World } from '../world.js'
import type { LastingFaults } from './lasting-faults.js'
import type { Plan } from './plan.js'

/** A replica that failed is started again after this time, as a supervisor would do. */
const RESTART_MS = 100

/** What a server says that another one has refused in the handshake. */
const REFUSED = /^s\d+ refuses this server: /

export interface SupervisorParts<M extends AnyMachine> {
  readonly plan: Plan
  readonly world: World<M>
  readonly trace: Trace
  readonly chance: Chance
  readonly lasting: LastingFaults
  /** Servers with the old build: an upgraded server is taken out. */
  readonly old: Set<ServerId>
  readonly onViolation: (violation: Violation) => void
}

/** Starts and ends the processes of servers, and judges why a replica has given up. */
export class Supervisor<M extends AnyMachine> {
  /** Servers that lost promises or votes for good. */
  readonly wrecked = new Set<ServerId>()
  /** Servers whose disk has given them a reason to fail. */
  readonly excused = new Set<ServerId>()
  /** Servers whose removal was asked for, or that may have come too late to be let in. */
  readonly removable = new Set<ServerId>()
  readonly #parts: SupervisorParts<M>
  /** Servers that had a journal once. */
  readonly #begun = new Set<ServerId>()
  /** Servers whose replica has ended for good. */
  readonly #ended = new Set<ServerId>()

  constructor(parts: SupervisorParts<M>) {
    this.#parts = parts
  }

  /** Starts a server, unless it runs, or its replica has ended for good. */
  start(id: ServerId): void {
    const { lasting, plan, trace, world } = this.#parts
    if (world.isUp(id) || this.#ended.has(id)) return
    if (lasting.isHealed && plan.left.includes(id)) return
    trace.add({ event: 'start', server: id })
    world.begin(id).then(
      (replica) => {
        const { damage, recovery } = replica.status()
        this.#begun.add(id)
        trace.add({ event: 'open', server: id, recovery, damage })
        if (damage !== null && !this.wrecked.has(id)) {
          const message = `s${id} takes itself for damaged, though nothing was: ${damage}`
          this.#parts.onViolation(new Violation('unexpected-failure', message))
        }
      },
      (error: unknown) => {
        this.onFailure(id, error)
      },
    )
  }

  restartAfter(id: ServerId, forMs: number): void {
    this.#parts.lasting.until(forMs, () => {
      this.start(id)
    })
  }

  /** A replica has given up. There must be a reason for it. */
  onFailure(id: ServerId, error: unknown): void {
    const { onViolation, trace, world } = this.#parts
    const code = error instanceof SynodError ? error.code : 'internal'
    const message = error instanceof Error ? error.message : String(error)
    trace.add({ event: 'failed', server: id, code, message })
    // It has come too late for its build, and was told so before it was a member.
    const isLate = id > this.#parts.plan.servers && this.#parts.old.has(id) && REFUSED.test(message)
    // It was removed, has not been told so, and met a raise of versions that names the others.
    const isOutrun = () => this.#parts.old.has(id) && !REFUSED.test(message) && this.#wasRemoved(id)
    // A disk that is new, or was lost and came back empty, has no reserve: a full one cannot be
    // begun with.
    const isFull = (this.wrecked.has(id) || !this.#begun.has(id)) && message.includes('no space left')
    const lost = code === 'journal-damaged' || code === 'wrong-acceptor'
    if ((lost && this.wrecked.has(id)) || (code === 'removed' && this.removable.has(id))) {
      this.#ended.add(id)
    } else if (
      (code === 'journal-failed' && (this.excused.has(id) || isFull)) ||
      (code === 'wrong-version' && (isLate || isOutrun()))
    ) {
      if (code === 'wrong-version') this.#parts.old.delete(id)
      world.clock.timer(0, () => {
        this.#stop(id)
      })
      world.clock.timer(RESTART_MS, () => {
        this.start(id)
      })
    } else {
      const kind = code === 'invariant-violated' ? 'invariant' : 'unexpected-failure'
      onViolation(new Violation(kind, `s${id} gave up, ${code}: ${message}`, { cause: error }))
    }
  }

  /** Whether the running replica that knows the most slots to be chosen names no such member. */
  #wasRemoved(id: ServerId): boolean {
    const { world } = this.#parts
    const statuses = world.running.map((running) => world.status(running))
    const [newest] = statuses.sort((a, b) => b.watermarks.chosen - a.watermarks.chosen)
    const members = newest?.members ?? []
    return members.length > 0 && members.every(({ server }) => server !== id)
  }

  powerOff(id: ServerId, silent: boolean): void {
    const { chance, trace, world } = this.#parts
    if (!world.isUp(id)) return
    trace.add({ event: 'stop', server: id })
    if (silent) world.powerOff(id, () => chance.next())
    else world.crash(id, () => chance.next())
  }

  kill(id: ServerId): void {
    const { trace, world } = this.#parts
    if (!world.isUp(id)) return
    trace.add({ event: 'stop', server: id })
    world.kill(id)
  }

  /** A server that has not joined yet joins with the new build. */
  upgrade(id: ServerId): void {
    this.#parts.old.delete(id)
    if (this.#parts.world.servers.has(id)) this.kill(id)
  }

  /** A process whose replica has failed ends; now and then the machine does too. */
  #stop(id: ServerId): void {
    if (this.#parts.chance.happens(0.5)) this.kill(id)
    else this.powerOff(id, false)
  }
}
