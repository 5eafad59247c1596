import { type Agreed, FIRST_AGREED, type Support } from 'synod/internal/cluster/versions.js'
import { SynodError } from 'synod/internal/errors.js'
import { encodeChange } from 'synod/internal/machine/change-codec.js'
import { Executor } from 'synod/internal/machine/executor.js'
import type { SnapshotPart } from 'synod/internal/machine/snapshot-parts.js'
import type { ApplyContext, Machine } from 'synod/internal/machine/machine.js'
import { type MemberSupport, encodeRaise } from 'synod/internal/machine/raise.js'
import {
  encodeChangeRequest,
  encodeOpen,
  encodeRaiseRequest,
  encodeRequest,
} from 'synod/internal/machine/request.js'
import { newSessionKey } from 'synod/internal/machine/session-key.js'
import type { ServerId, Slot } from 'synod/internal/paxos/ballot.js'
import { type Change, Membership, foundingMembership } from 'synod/internal/paxos/membership.js'
import { NO_OP, type Value } from 'synod/internal/paxos/value.js'
import { Chance } from '../chance.js'
import { Violation } from '../simulator/checks/violation.js'

const SLOTS = 120
const EXECUTORS = 3
const MOST = 4
const WINDOW = 4
const KEY = newSessionKey((size) => Buffer.alloc(size, 7))

/**
 * A command is the version from which on it is known; its result tells by which version's rules it
 * was executed.
 */
class Versioned implements Machine<number, string, never, never> {
  readonly version: number
  #count = 0

  constructor(version: number) {
    this.version = version
  }

  versionOf(command: number): number {
    return Math.min(command, this.version)
  }

  apply(command: number, { version }: ApplyContext): string {
    if (command > this.version) throw new Error(`no command of version ${command} is known`)
    return `${++this.#count} ${version}`
  }

  query(): never {
    throw new Error('nothing is asked')
  }

  snapshot(): Iterable<Uint8Array> {
    return [Buffer.from(String(this.#count + 1))]
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of chunks) this.#count = Number(Buffer.from(chunk).toString()) - 1
  }
}

type Explored = Executor<Versioned>

/** What a value is, and what becomes of it, as the twin has it. */
interface Drawn {
  readonly value: Value
  readonly words: string
  readonly isDone: boolean | undefined
}

/**
 * Raises of versions, right and wrong, among changes of the membership and commands of different
 * versions, executed by different builds and a dumb twin. All must agree, and each must end at the
 * first raise beyond its build, not before. Throws a Violation.
 */
export async function exploreVersions(seed: number): Promise<void> {
  await new Exploration(seed).run()
}

class Exploration {
  readonly #chance: Chance
  readonly #membership = new Membership(foundingMembership([1, 2, 3]), WINDOW)
  #agreed: Agreed = FIRST_AGREED
  #commands = 0
  #sequence = 0
  #executors: Explored[]

  constructor(seed: number) {
    this.#chance = new Chance(seed ^ 0x76657273)
    this.#executors = Array.from({ length: EXECUTORS }, () => this.#newExecutor())
    // One is never too old, so that there is always one to go on from.
    this.#executors[0] = newExecutor({ formats: { oldest: 1, newest: MOST }, machine: MOST })
  }

  async run(): Promise<void> {
    for (const executor of this.#executors) executor.execute(1, encodeOpen(KEY))
    this.#membership.apply(1, undefined)
    for (let slot = 2; slot <= SLOTS; slot++) {
      const drawn = this.#draw(slot)
      await this.#execute(slot, drawn)
      if (this.#chance.happens(0.15)) await this.#replace()
    }
  }

  async #execute(slot: Slot, { isDone, value, words }: Drawn): Promise<void> {
    const going: Explored[] = []
    for (const executor of this.#executors) {
      const isTooOld = lacks(executor.support, this.#agreed)
      const name = `slot ${slot}, ${words}, by one that supports ${JSON.stringify(executor.support)}`
      const foresees = ends(() => {
        executor.checkVersions((ahead) => (ahead === slot ? value : undefined))
      })
      let outcome: string | undefined
      const stops = ends(() => {
        const [execution] = executor.execute(slot, value)
        outcome =
          execution && `${execution.outcome.status} ${Buffer.from(execution.outcome.result).toString()}`
      })
      require(foresees === isTooOld && stops === isTooOld, `${name}: it ${stops ? 'ended' : 'went on'}`)
      if (isTooOld) continue
      going.push(executor)
      const { agreed } = executor
      require(sameAs(
        agreed,
        this.#agreed,
      ), `${name}: agreed on ${JSON.stringify(agreed)}, not ${JSON.stringify(this.#agreed)}`)
      require(isDone === undefined ||
        isDone === outcome?.startsWith('done'), `${name}: it came to ${outcome}`)
      require(!words.startsWith('command') ||
        !isDone ||
        outcome === `done "${this.#commands} ${this.#agreed.machine}"`, `${name}: it came to ${outcome}`)
      require(executor.digest === going[0]?.digest, `${name}: it came to another digest`)
    }
    this.#executors = going
    while (this.#executors.length < EXECUTORS) await this.#begin()
  }

  /** One ends, and another one takes its place. */
  async #replace(): Promise<void> {
    this.#executors.splice(1, 1)
    await this.#begin()
  }

  /** One more goes on from a snapshot of another, unless it is too old for what that holds. */
  async #begin(): Promise<void> {
    const from = this.#chance.pick(this.#executors)
    const next = this.#newExecutor()
    const parts = [...(from.snapshot()?.parts ?? [])]
    const isTooOld = lacks(next.support, this.#agreed)
    let isRefused = false
    try {
      await next.restore(given(parts))
    } catch (error) {
      if (!(error instanceof SynodError) || error.code !== 'wrong-version') throw error
      isRefused = true
    }
    require(isRefused ===
      isTooOld, `a snapshot of ${JSON.stringify(this.#agreed)} was ${isRefused ? 'refused' : 'taken in'} by ${JSON.stringify(next.support)}`)
    if (!isRefused) this.#executors.push(next)
  }

  #newExecutor(): Explored {
    return newExecutor(drawSupport(this.#chance))
  }

  #draw(slot: Slot): Drawn {
    const dice = this.#chance.next()
    if (dice < 0.3) return this.#drawRaise(slot)
    if (dice < 0.45) {
      const change = this.#drawChange()
      this.#membership.apply(slot, change)
      const value = encodeChangeRequest(KEY, encodeChange(change))
      return { value, words: `change ${JSON.stringify(change)}`, isDone: undefined }
    }
    this.#membership.apply(slot, undefined)
    if (dice < 0.6) return { value: NO_OP, words: 'no-op', isDone: undefined }
    return this.#drawCommand()
  }

  /** Of a client that may say less of it than is true. */
  #drawCommand(): Drawn {
    const command = 1 + this.#chance.below(MOST)
    const version = this.#chance.happens(0.7) ? command : 1 + this.#chance.below(MOST)
    const isDone = Math.max(command, version) <= this.#agreed.machine
    if (isDone) this.#commands++
    const value = encodeRequest({
      ...{ kind: 'command', timeMs: 0, session: KEY, opening: 1, acknowledged: this.#sequence, version },
      ...{ sequence: ++this.#sequence, command: Buffer.from(String(command)) },
    })
    return { value, words: `command ${command} as ${version}`, isDone }
  }

  #drawRaise(slot: Slot): Drawn {
    const chance = this.#chance
    // The change of the membership in which the last one was made may not be known to the proposer.
    const servers = [...this.#membership.servers]
    const named = chance.happens(0.7) ? servers : servers.filter(() => chance.happens(0.7))
    if (chance.happens(0.1)) named.push(100 + chance.below(3))
    this.#membership.apply(slot, undefined)
    const now = this.#membership.servers
    const members: MemberSupport[] = named.map((server) => ({ server, support: drawSupport(chance) }))
    const least = (of: (support: Support) => number) =>
      Math.min(MOST, ...members.map(({ support }) => of(support)))
    const to = {
      format: chance.happens(0.8) ? least(({ formats }) => formats.newest) : 1 + chance.below(MOST),
      machine: chance.happens(0.8) ? least(({ machine }) => machine) : 1 + chance.below(MOST),
    }
    const isNamed = named.length === now.length && now.every((server) => named.includes(server))
    const isSupported = members.every(({ support }) => !lacks(support, to))
    const isHigher = to.format >= this.#agreed.format && to.machine >= this.#agreed.machine
    const isDone = isNamed && isSupported && isHigher
    if (isDone) this.#agreed = to
    const value = encodeRaiseRequest(KEY, encodeRaise({ to, members }))
    return {
      value,
      words: `raise to ${JSON.stringify(to)} of ${String(named)}, where ${String(now)} are`,
      isDone,
    }
  }

  #drawChange(): Change {
    const chance = this.#chance
    const { highest, members } = this.#membership.state
    const dice = chance.next()
    const server: ServerId = chance.pick(members).server
    if (dice < 0.4)
      return { type: 'add', server: highest + 1, address: `a:${highest + 1}`, role: 'joining', replaces: 0 }
    if (dice < 0.7) return { type: 'promote', server, acceptor: 'ab'.repeat(16) }
    return { type: 'remove', server, isForced: true }
  }
}

function newExecutor({ formats, machine }: Support): Explored {
  return new Executor(new Versioned(machine), new Membership(foundingMembership([1, 2, 3]), WINDOW), formats)
}

/** Higher ones more often, so that raises get far. */
function drawSupport(chance: Chance): Support {
  const draw = () => MOST - Math.floor(MOST * chance.next() ** 2)
  return { formats: { oldest: 1, newest: Math.max(1, draw()) }, machine: Math.max(1, draw()) }
}

function lacks({ formats, machine }: Support, agreed: Agreed): boolean {
  return agreed.format > formats.newest || agreed.machine > machine
}

function sameAs(a: Agreed, b: Agreed): boolean {
  return a.format === b.format && a.machine === b.machine
}

/** Whether it refuses to go on with what it does not know. */
function ends(run: () => void): boolean {
  try {
    run()
    return false
  } catch (error) {
    if (error instanceof SynodError && error.code === 'wrong-version') return true
    throw error
  }
}

async function* given(parts: readonly SnapshotPart[]): AsyncGenerator<SnapshotPart, void, undefined> {
  yield* parts
}

function require(holds: boolean, message: string): void {
  if (!holds) throw new Violation('invariant', message)
}
