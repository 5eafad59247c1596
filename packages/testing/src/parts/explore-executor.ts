import type { Support } from 'synod/internal/cluster/versions.js'
import { encodeBatch } from 'synod/internal/machine/batch.js'
import { Executor, type ExecutorSnapshot } from 'synod/internal/machine/executor.js'
import type { ApplyContext, BatchedCommand, Machine } from 'synod/internal/machine/machine.js'
import { Reader } from 'synod/internal/bytes/reader.js'
import type { Outcome } from 'synod/internal/machine/outcome.js'
import { encodeRaise } from 'synod/internal/machine/raise.js'
import { Refusal } from 'synod/internal/machine/refusal.js'
import {
  type Request,
  decodeRequest,
  encodeOpen,
  encodeRaiseRequest,
  encodeRequest,
} from 'synod/internal/machine/request.js'
import { newSessionKey } from 'synod/internal/machine/session-key.js'
import { SnapshotMap } from 'synod/internal/machine/snapshot-map.js'
import type { Slot } from 'synod/internal/paxos/ballot.js'
import { Membership, foundingMembership } from 'synod/internal/paxos/membership.js'
import type { Value } from 'synod/internal/paxos/value.js'
import { Chance } from '../chance.js'
import { Violation } from '../simulator/checks/violation.js'

const SLOTS = 150

/** Of one slot. */
const MOST_REQUESTS = 4
const EXECUTORS = 3
const SERVERS = [1, 2, 3]
const KEYS = 5

/** Of no session. */
const NO_KEY = newSessionKey((size) => Buffer.alloc(size))

/** Counts by key: every execution shows in what follows. */
class Counters implements Machine<string, string, string, string> {
  readonly #counts = new SnapshotMap<string, string>()
  /** Of its own, as one has whose state hangs on more than its commands. */
  readonly #fault: string

  constructor(fault = '') {
    this.#fault = fault
  }

  apply(key: string, { position, timeMs }: ApplyContext): string {
    if (key === '!') throw new Error(`refused ${this.#fault}`)
    const before = Number(this.#counts.get(key)?.split(' ')[0] ?? 0)
    this.#counts.set(key, `${before + 1} ${position.slot}.${position.index} ${timeMs}`)
    return `${before + 1}${key === 'k0' ? this.#fault : ''}`
  }

  query(): string {
    return JSON.stringify([...this.#counts].sort())
  }

  snapshot(): Iterable<Uint8Array> {
    const view = this.#counts.snapshot()
    return (function* () {
      for (const entry of view) yield Buffer.from(JSON.stringify(entry))
    })()
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.#counts.clear()
    for await (const chunk of chunks) {
      const [key, count] = JSON.parse(Buffer.from(chunk).toString()) as [string, string]
      this.#counts.set(key, count)
    }
  }
}

/** Takes all that is executed together in one step. */
class BatchedCounters extends Counters {
  applyBatch(batch: readonly BatchedCommand<string>[]): (string | Refusal)[] {
    return batch.map(({ command, context }) =>
      command === '!' ? new Refusal('refused ') : this.apply(command, context),
    )
  }
}

/** What the dumb twin knows of a session: everything that was ever asked in it. */
interface SessionTwin {
  readonly opening: number
  readonly results: Map<number, string>
  acknowledged: number
  next: number
}

/**
 * Executors execute the same log, with requests sent twice, late and out of order: one slot by
 * slot, the others over snapshots too. All must reach the same state, execute each request at most
 * once, and show a different result by a different digest. Throws a Violation.
 */
export async function exploreExecutor(seed: number): Promise<void> {
  await new Run(new Chance(seed ^ 0x65786563)).run()
}

class Run {
  readonly #chance: Chance
  readonly #log: Value[] = []
  readonly #sent: Request[] = []
  /** By their keys. */
  readonly #sessions = new Map<string, SessionTwin>()
  readonly #first = newExecutor()
  readonly #faulty = newExecutor('otherwise')
  readonly #others = Array.from({ length: EXECUTORS }, (_, index) =>
    executorOf(index === 0 ? new Counters() : new BatchedCounters()),
  )
  readonly #again: number
  #wrong = false

  constructor(chance: Chance) {
    this.#chance = chance
    this.#again = chance.next() * 0.6
  }

  async run(): Promise<void> {
    const chance = this.#chance
    // From here on slots may hold batches.
    const raise = raiseTo(this.#first.support)
    this.#log.push(raise)
    for (const executor of [this.#first, this.#faulty]) executor.execute(1, raise)
    for (let slot = 2; slot <= SLOTS; slot++) {
      const requests = Array.from({ length: 1 + chance.below(MOST_REQUESTS) }, () => this.#draw())
      if (chance.happens(0.3)) requests.splice(1)
      const [first] = requests
      const isAlone = requests.length === 1 && first !== undefined && chance.happens(0.8)
      const value = isAlone ? encodeRequest(first) : batchOf(requests, chance.below(1000))
      this.#log.push(value)
      this.#execute(slot, requests, value)
      for (const other of this.#others) if (chance.happens(0.3)) this.#catchUp(other, chance.below(6))
      if (chance.happens(0.05)) await this.#transfer()
    }
    for (const other of this.#others) this.#catchUp(other, SLOTS)
    for (const other of this.#others) this.#compare(other)
    this.#compareFaulty()
  }

  #draw(): Request {
    const chance = this.#chance
    if (this.#sent.length > 0 && chance.happens(this.#again)) return chance.pick(this.#sent)
    const request = this.#sessions.size === 0 || chance.happens(0.05) ? this.#opening() : this.#command()
    this.#sent.push(request)
    return request
  }

  #opening(): Request {
    const key = newSessionKey((size) => Buffer.alloc(size).map(() => this.#chance.below(256)))
    return decodeRequest(encodeOpen(key))
  }

  /** Now and then of a client that has a number of the session, and not its key. */
  #command(): Request {
    const chance = this.#chance
    const [session, twin] = chance.pick([...this.#sessions])
    const isGuess = chance.happens(0.05)
    const sequence = isGuess ? 1 + chance.below(twin.next) : twin.next++
    const acknowledged = chance.happens(0.6) ? Math.max(0, sequence - 1 - chance.below(4)) : 0
    const key = chance.happens(0.05) ? '!' : `k${chance.below(KEYS)}`
    return {
      kind: 'command',
      timeMs: chance.below(1000),
      session: isGuess ? NO_KEY : session,
      opening: twin.opening,
      sequence,
      acknowledged,
      version: 1,
      command: Buffer.from(JSON.stringify(key)),
    }
  }

  #execute(slot: Slot, requests: readonly Request[], value: Value): void {
    const executions = this.#first.execute(slot, value)
    const faulty = this.#faulty.execute(slot, value)
    if (executions.length !== requests.length)
      throw new Violation(
        'agreement',
        `${requests.length} requests of slot ${slot} came to ${executions.length}`,
      )
    for (const [index, request] of requests.entries()) {
      const [outcome, other] = [executions[index]?.outcome, faulty[index]?.outcome]
      if (outcome === undefined) continue
      if (outcome.status === 'done' && other?.status === 'done')
        this.#wrong ||= Buffer.compare(outcome.result, other.result) !== 0
      this.#check(slot, request, outcome)
    }
  }

  /** Against the dumb twin. */
  #check(slot: Slot, request: Request, outcome: Outcome): void {
    if (request.kind === 'open') {
      this.#opened(request, outcome)
      return
    }
    const { acknowledged, sequence, session } = request
    const twin = this.#sessions.get(session)
    if (twin === undefined) {
      if (outcome.status !== 'expired')
        throw new Violation('executed-twice', `slot ${slot} gave a command without a key '${outcome.status}'`)
      return
    }
    twin.acknowledged = Math.max(twin.acknowledged, acknowledged)
    const isOver = sequence <= twin.acknowledged
    const result = `${outcome.status} ${Buffer.from(outcome.result).toString()}`
    const before = twin.results.get(sequence)
    const fits = isOver ? outcome.status === 'expired' : before === undefined || before === result
    if (!fits)
      throw new Violation(
        'executed-twice',
        `request ${sequence} of session ${twin.opening} came to '${result}' in slot ${slot}, where it should be '${before ?? 'expired'}'`,
      )
    if (!isOver) twin.results.set(sequence, result)
  }

  /** There are never enough sessions for one to end: a client that asks again has the same one. */
  #opened({ session }: Request, { result }: Outcome): void {
    const opening = new Reader(result).varint()
    const twin = this.#sessions.get(session)
    const isTaken = [...this.#sessions.values()].some((other) => other !== twin && other.opening === opening)
    if (isTaken || (twin !== undefined && twin.opening !== opening))
      throw new Violation('agreement', `session ${twin?.opening ?? 'none'} was opened as session ${opening}`)
    if (twin === undefined)
      this.#sessions.set(session, { opening, results: new Map(), acknowledged: 0, next: 1 })
  }

  #catchUp(executor: Explored, slots: number): void {
    const { executed } = executor
    executor.executeAll(executed + 1, this.#log.slice(executed, executed + slots))
  }

  /** A snapshot of one goes to another one, and while it is read its source goes on. */
  async #transfer(): Promise<void> {
    const chance = this.#chance
    const source = chance.pick([this.#first, ...this.#others])
    const target = chance.pick(this.#others)
    const snapshot = source.snapshot()
    if (snapshot === undefined || source === target || snapshot.slot <= target.executed) {
      snapshot?.parts.return?.()
      return
    }
    await target.restore(this.#read(snapshot, source))
    const { digest, executed } = target
    if (executed !== snapshot.slot)
      throw new Violation(
        'agreement',
        `a snapshot of slot ${snapshot.slot} brought ${executed} slots, with digest ${digest}`,
      )
  }

  async *#read({ parts }: ExecutorSnapshot, source: Explored) {
    for (const part of parts) {
      if (source !== this.#first) this.#catchUp(source, this.#chance.below(4))
      // The reader of a stream waits in between.
      yield await Promise.resolve(part)
    }
  }

  #compare(other: Explored): void {
    const query = Buffer.from(JSON.stringify(''))
    const shown = (executor: Explored) =>
      `${executor.executed} slots, digest ${executor.digest}, ${executor.sessions} sessions, ${Buffer.from(executor.query(query)).toString()}`
    const [wanted, found] = [shown(this.#first), shown(other)]
    if (wanted !== found)
      throw new Violation('agreement', `by way of snapshots: ${found}; without: ${wanted}`)
  }

  #compareFaulty(): void {
    if (this.#wrong && this.#faulty.digest === this.#first.digest)
      throw new Violation('agreement', 'two executors have come to other results, and have the same digest')
  }
}

type Explored = Executor<Counters>

function raiseTo(support: Support): Value {
  const members = SERVERS.map((server) => ({ server, support }))
  const to = { format: support.formats.newest, machine: support.machine }
  return encodeRaiseRequest(NO_KEY, encodeRaise({ to, members }))
}

function batchOf(requests: readonly Request[], timeMs: number): Value {
  return encodeBatch(
    requests.map((request) => ({ value: encodeRequest(request) })),
    timeMs,
  )
}

function newExecutor(fault?: string): Explored {
  return executorOf(new Counters(fault))
}

function executorOf(machine: Counters): Explored {
  return new Executor(machine, new Membership(foundingMembership(SERVERS), 8))
}
