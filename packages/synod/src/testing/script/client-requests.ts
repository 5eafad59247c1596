import { MalformedError } from '../../bytes/reader.js'
import { jsonCodec } from '../../machine/codec.js'
import { Membership } from '../../paxos/membership.js'
import { Executor } from '../../machine/executor.js'
import type { Machine } from '../../machine/machine.js'
import {
  type Request,
  type SessionId,
  decodeRequest,
  encodeOpen,
  encodeRequest,
} from '../../machine/request.js'
import type { ServerId } from '../../paxos/ballot.js'
import { type Value, isNoOp } from '../../paxos/value.js'
import { type Cluster, value } from '../cluster/cluster.js'
import { changeOfText } from '../core-config.js'
import { describeValue } from '../describe.js'

// A value of a script is a text, or a client's request as replicas write it into a slot: `c1:open` opens a
// session for client c1, and `c1/2:+5` is the second request of that session, to add 5 to a counter. A change of the membership
// is written in one word: `add-s4` for what `changeOfText` reads as `add s4`.
const OPEN = /^c(\d+):open$/
const ADD = /^c(\d+)\/(\d+):([+-]\d+)$/
const CHANGE = /^(add-s\d+(-for-s\d+)?|(learn|promote|remove)-s\d+)$/
const commandCodec = jsonCodec<number>()

/** The state machine of scripts: a counter, which also counts the commands that it was given. */
class Counter implements Machine<number, number, undefined, number> {
  total = 0
  applied = 0

  apply(amount: number): number {
    this.applied++
    return (this.total += amount)
  }

  query(): number {
    return this.total
  }
}

/** The value that a word of a script stands for. Throws if it is a request of a session that is not open. */
export function encodeValue(cluster: Cluster, word: string): Value {
  const [, opener] = OPEN.exec(word) ?? []
  if (opener !== undefined) return encodeOpen(Number(opener))
  if (CHANGE.test(word)) return value(word.replaceAll('-', ' '))
  const [, client, number, amount] = ADD.exec(word) ?? []
  if (client === undefined) return value(word)
  const sequence = Number(number)
  return encodeRequest({
    kind: 'command',
    time_ms: 0,
    session: sessionOf(cluster, Number(client)),
    sequence,
    acknowledged: sequence - 1,
    command: commandCodec.encode(Number(amount)),
  })
}

/** A value as a script has it. */
export function decodeValue(cluster: Cluster, value: Value): string {
  const request = requestIn(value)
  if (request === undefined) {
    const text = describeValue(value)
    return changeOfText(value) === undefined ? text : text.replaceAll(' ', '-')
  }
  if (request.kind === 'open') return `c${request.sequence}:open`
  const amount = commandCodec.decode(request.command)
  const sign = amount < 0 ? '' : '+'
  return `c${clientOf(cluster, request.session)}/${request.sequence}:${sign}${amount}`
}

/** What came of each slot that this server has executed, and the total of the counter. */
export function executions(cluster: Cluster, id: ServerId): string[] {
  const counter = new Counter()
  const { membership, window } = cluster.server(id).config
  const executor = new Executor(counter, new Membership(structuredClone(membership), window))
  const lines = cluster.prefix(id).map((value, index) => {
    const { applied } = counter
    const outcome = executor.execute(index + 1, value)?.outcome
    const text = `slot ${index + 1} ${decodeValue(cluster, value)}`
    if (outcome === undefined || requestIn(value)?.kind === 'open') return text
    if (outcome.status !== 'done') return `${text}: ${outcome.status}`
    const result = executor.codecs.result.decode(outcome.result)
    return `${text}: ${result}${counter.applied === applied ? ', the result of the first time' : ''}`
  })
  return [...lines, `total ${counter.total}`]
}

/** The request that opened a session stands in the slot that the session is called after. */
function sessionOf(cluster: Cluster, client: number): SessionId {
  for (const id of cluster.ids) {
    for (const [index, value] of cluster.prefix(id).entries()) {
      const request = requestIn(value)
      if (request?.kind === 'open' && request.sequence === client) return index + 1
    }
  }
  throw new Error(`c${client} has no session: propose c${client}:open first`)
}

function clientOf(cluster: Cluster, session: SessionId): number {
  for (const id of cluster.ids) {
    const opener = cluster.paxos(id).log.chosen(session)
    if (opener !== undefined) return requestIn(opener)?.sequence ?? 0
  }
  return 0
}

function requestIn(value: Value): Request | undefined {
  if (isNoOp(value)) return undefined
  try {
    return decodeRequest(value)
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}
