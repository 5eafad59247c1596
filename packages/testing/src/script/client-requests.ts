import { MalformedError, Reader } from 'synod/internal/bytes/reader.js'
import { jsonCodec } from 'synod/internal/machine/codec.js'
import { Membership } from 'synod/internal/paxos/membership.js'
import { Executor } from 'synod/internal/machine/executor.js'
import type { Machine } from 'synod/internal/machine/machine.js'
import { type Request, decodeRequest, encodeOpen, encodeRequest } from 'synod/internal/machine/request.js'
import { SESSION_KEY_BYTES, type SessionKey, newSessionKey } from 'synod/internal/machine/session-key.js'
import type { ServerId } from 'synod/internal/paxos/ballot.js'
import { type Value, isNoOp } from 'synod/internal/paxos/value.js'
import { type Cluster, value } from '../cluster/cluster.js'
import { changeOfText } from '../core-config.js'
import { describeValue } from '../describe.js'

// A value of a script is a text, or a client's request as replicas write it: `c1:open` opens a
// session for client c1, `c1/2:+5` is its second request, to add 5 to a counter. `add-s4` is the
// change of the membership that `changeOfText` reads as `add s4`.
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

/**
 * The value that a word of a script stands for. Throws if it is a request of a session that is not
 * open.
 */
export function encodeValue(cluster: Cluster, word: string): Value {
  const [, opener] = OPEN.exec(word) ?? []
  if (opener !== undefined) return encodeOpen(keyOf(Number(opener)))
  if (CHANGE.test(word)) return value(word.replaceAll('-', ' '))
  const [, client, number, amount] = ADD.exec(word) ?? []
  if (client === undefined) return value(word)
  const sequence = Number(number)
  return encodeRequest({
    kind: 'command',
    timeMs: 0,
    session: keyOf(Number(client)),
    opening: openingOf(cluster, Number(client)),
    sequence,
    acknowledged: sequence - 1,
    version: 1,
    command: commandCodec.encode(Number(amount)),
  })
}

/** A value as a script has it. */
export function decodeValue(value: Value): string {
  const request = requestIn(value)
  if (request === undefined) {
    const text = describeValue(value)
    return changeOfText(value) === undefined ? text : text.replaceAll(' ', '-')
  }
  const client = `c${clientOf(request.session)}`
  if (request.kind === 'open') return `${client}:open`
  const amount = commandCodec.decode(request.command)
  const sign = amount < 0 ? '' : '+'
  return `${client}/${request.sequence}:${sign}${amount}`
}

/** The outcome of each slot that this server has executed, and the total of the counter. */
export function executions(cluster: Cluster, id: ServerId): string[] {
  const counter = new Counter()
  const lines: string[] = []
  let before = 0
  for (const { outcome, slot, value } of executed(cluster, id, counter)) {
    const text = `slot ${slot} ${decodeValue(value)}`
    const isAgain = counter.applied === before
    before = counter.applied
    if (outcome === undefined || requestIn(value)?.kind === 'open') lines.push(text)
    else if (outcome.status !== 'done') lines.push(`${text}: ${outcome.status}`)
    else {
      const result = commandCodec.decode(outcome.result)
      lines.push(`${text}: ${result}${isAgain ? ', the result of the first time' : ''}`)
    }
  }
  return [...lines, `total ${counter.total}`]
}

/** Has a counter execute what this server knows to be chosen, slot by slot. */
function* executed(cluster: Cluster, id: ServerId, counter: Counter) {
  const { membership, window } = cluster.server(id).config
  const executor = new Executor(counter, new Membership(structuredClone(membership), window))
  for (const [index, value] of cluster.prefix(id).entries()) {
    const slot = index + 1
    yield { slot, value, outcome: executor.execute(slot, value)[0]?.outcome }
  }
}

/** A client of a script draws nothing: its key is its number. */
function keyOf(client: number): SessionKey {
  return newSessionKey((size) => {
    const bytes = Buffer.alloc(size)
    bytes.writeUIntBE(client, SESSION_KEY_BYTES - 6, 6)
    return bytes
  })
}

function clientOf(key: SessionKey): number {
  return Buffer.from(key, 'latin1').readUIntBE(SESSION_KEY_BYTES - 6, 6)
}

/** The number that the client was told when its session was opened. */
function openingOf(cluster: Cluster, client: number): number {
  for (const id of cluster.ids) {
    for (const { outcome, value } of executed(cluster, id, new Counter())) {
      const request = requestIn(value)
      if (outcome !== undefined && request?.kind === 'open' && clientOf(request.session) === client)
        return new Reader(outcome.result).varint()
    }
  }
  throw new Error(`c${client} has no session: propose c${client}:open first`)
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
