import { PERIOD_MS } from 'synod/internal/client/silence-detector.js'
import type { LeaderHint } from 'synod/internal/net/client/messages.js'
import type { Handshake } from 'synod/internal/net/hello.js'
import { type ServerId, compareBallots, formatBallot } from 'synod/internal/paxos/ballot.js'
import type { Fault, FaultKind } from '../faults/faults.js'
import type { Plan } from '../faults/plan.js'
import type { Direction } from '../hardware/socket.js'
import type { SentMessage } from '../trace/wire-tap.js'
import { Violation } from './violation.js'

export interface MessageWatchParts {
  readonly plan: Plan
  readonly now: () => number
  /** The process that runs on a server; undefined if none does. */
  readonly processOn: (server: ServerId) => object | undefined
}

/** A hint as a client has it from one replica. */
interface ReceivedHint {
  readonly hint: LeaderHint
  readonly atMs: number
  /** The process that gave it. */
  readonly process: object | undefined
}

/** With these, a client may have lost a connection though both its ends are still there. */
const LOSING_CLIENTS: ReadonlySet<FaultKind> = new Set<FaultKind>([
  'client-kill',
  'garbling',
  'pause',
  'shutdown',
])

/**
 * Checks that no party sends what it must not: a client asks each replica once, and the leader that
 * it knows; a server does not number its rounds of reads as before a restart.
 */
export class MessageWatch {
  readonly #parts: MessageWatchParts
  /** By connection, the numbers of what was asked there. */
  readonly #asked = new Map<number, Set<number>>()
  /** By client and server. */
  readonly #hints = new Map<string, Map<ServerId, ReceivedHint>>()
  /** By client and server, when messages of the server arrived lately. */
  readonly #signsMs = new Map<string, number[]>()
  /** By server and round, the process that used the number. */
  readonly #rounds = new Map<string, number>()
  readonly #keepsConnections: boolean

  constructor(parts: MessageWatchParts) {
    this.#parts = parts
    this.#keepsConnections = !parts.plan.faults.some(
      (fault) => LOSING_CLIENTS.has(fault.kind) || isOnClient(fault),
    )
  }

  /** Throws a Violation. `greeting` is how the sender has introduced itself. */
  check(way: Direction, message: SentMessage, greeting: Handshake | undefined): void {
    const { type } = message
    if (type === 'leader' || type === 'reply' || type === 'fail') this.#onSign(way)
    if (type === 'leader') this.#onHint(way, message)
    else if (type === 'execute' || type === 'read') {
      this.#checkLeader(way)
      this.#checkOnce(way, message.request)
    } else if (type === 'stale-read') this.#checkOnce(way, message.request)
    // What was turned away may be asked again.
    else if (type === 'fail') this.#asked.get(way.connection)?.delete(message.request)
    else if (type === 'observe' && greeting?.type === 'peer-hello')
      this.#checkRound(greeting.server, greeting.process, message.round)
  }

  #checkOnce({ connection, from, to }: Direction, request: number): void {
    let asked = this.#asked.get(connection)
    if (asked === undefined) this.#asked.set(connection, (asked = new Set()))
    if (asked.has(request))
      throw new Violation('wrong-message', `${from} asked ${to} twice for its request ${request}`)
    asked.add(request)
  }

  #onHint({ from, to }: Direction, hint: LeaderHint): void {
    const { now, processOn } = this.#parts
    const server = serverOf(from)
    let hints = this.#hints.get(to)
    if (hints === undefined) this.#hints.set(to, (hints = new Map<ServerId, ReceivedHint>()))
    hints.set(server, { hint, atMs: now(), process: processOn(server) })
  }

  #onSign({ from, to }: Direction): void {
    const { now, plan } = this.#parts
    const key = `${to} ${serverOf(from)}`
    const lately = (this.#signsMs.get(key) ?? []).filter(
      (atMs) => now() - atMs < PERIOD_MS + plan.latencyMs[1],
    )
    this.#signsMs.set(key, [...lately, now()])
  }

  /** Whether the server was silent when the request left: another one may be asked then. */
  #isSilent(server: ServerId, client: string): boolean {
    const { now, plan } = this.#parts
    const times = this.#signsMs.get(`${client} ${server}`) ?? []
    return !times.some((atMs) => now() - atMs < PERIOD_MS && now() - atMs > plan.latencyMs[1])
  }

  /** The client knew from the leader itself, before its request left, that another server leads. */
  #checkLeader({ from, to }: Direction): void {
    const { now, plan, processOn } = this.#parts
    if (plan.mode !== 'leader' || !this.#keepsConnections) return
    let best: ReceivedHint | undefined
    for (const heard of this.#hints.get(from)?.values() ?? []) {
      if (best === undefined || compareBallots(heard.hint.ballot, best.hint.ballot) > 0) best = heard
    }
    const leader = best?.hint.server ?? 0
    const own = this.#hints.get(from)?.get(leader)
    if (own === undefined || leader === serverOf(to) || own.hint.server !== leader) return
    if (own.process === undefined || own.process !== processOn(leader)) return
    if (compareBallots(own.hint.ballot, best?.hint.ballot ?? own.hint.ballot) < 0) return
    if (now() - own.atMs <= plan.latencyMs[1] || this.#isSilent(leader, from)) return
    const known = `s${leader}, which leads at ${formatBallot(own.hint.ballot)} and had told it so`
    throw new Violation('wrong-message', `${from} asked ${to}, and not ${known}`)
  }

  #checkRound(server: ServerId, process: number, round: number): void {
    const key = `${server} ${round}`
    const before = this.#rounds.get(key)
    if (before !== undefined && before !== process)
      throw new Violation(
        'wrong-message',
        `s${server} numbers a round of reads ${round}, as in an earlier life`,
      )
    this.#rounds.set(key, process)
  }
}

function isOnClient(fault: Fault): boolean {
  return 'from' in fault && typeof fault.from === 'string'
}

function serverOf(host: string): ServerId {
  return Number(host.slice(1))
}
