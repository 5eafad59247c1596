import * as fc from 'fast-check'
import { type Ballot, MAX_SEQ } from '../../src/paxos/ballot.js'
import type { Message, ReportedVote } from '../../src/paxos/messages.js'
import type { ErrorCode } from '../../src/errors.js'
import type { ClientMessage, ReplicaMessage } from '../../src/net/client/messages.js'
import type { ClientHello, ClientWelcome, Handshake, PeerHello, PeerWelcome } from '../../src/net/hello.js'

export const peerHello: PeerHello = {
  type: 'peer-hello',
  purpose: 'messages',
  cluster: 'orders',
  clusterId: '101112131415161718191a1b1c1d1e1f',
  parameters: { mode: 'leader', quorums: { phase1: 3, phase2: 1 }, leaseMs: 400, window: 8192 },
  electionTimeoutMs: 500,
  server: 1,
  acceptor: '000102030405060708090a0b0c0d0e0f',
  founders: [1, 2, 3],
  address: 'one.example:2380',
  process: 2 ** 53 - 1,
  support: { formats: { oldest: 2, newest: 4 }, machine: 300 },
}

export const peerWelcome: PeerWelcome = {
  type: 'peer-welcome',
  heard: 300,
  server: 2,
  acceptor: 'f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff',
  clusterId: null,
  process: 7,
  support: { formats: { oldest: 1, newest: 1 }, machine: 1 },
  electorate: {
    slot: 300,
    configurations: [
      { phase1: 2, voters: [1, 2, 3] },
      { phase1: 3, voters: [1, 2, 3, 300] },
    ],
  },
}

export const clientHello: ClientHello = { type: 'client-hello', cluster: '', clusterId: null }

export const clientWelcome: ClientWelcome = {
  type: 'client-welcome',
  cluster: 'orders',
  clusterId: '101112131415161718191a1b1c1d1e1f',
  mode: 'leaderless',
  server: 3,
  maxCommandBytes: 1_048_576,
}

/** Every field that can be compared as text: bytes as hexadecimal digits. */
export function plain(message: unknown): unknown {
  return JSON.parse(
    JSON.stringify(message, (_key, value: unknown) => {
      if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString('hex')}`
      const buffer = value as { type?: string; data?: number[] } | null
      return buffer?.type === 'Buffer' ? `0x${Buffer.from(buffer.data!).toString('hex')}` : value
    }),
  )
}

type Arbitraries<Union extends { type: string }> = {
  readonly [Type in Union['type']]: fc.Arbitrary<Extract<Union, { type: Type }>>
}

const bytes = fc.uint8Array({ maxLength: 300 })
const ordinal = fc.oneof(
  fc.nat(300),
  fc.nat(2 ** 31 - 1),
  fc.maxSafeNat().map((n) => n % 2 ** 51),
)
const round = fc.oneof(fc.nat(300), fc.maxSafeNat())
const slot = ordinal.map((n) => n + 1)
const server = fc.integer({ min: 1, max: 255 })
const size = fc.integer({ min: 1, max: 255 })
const ballot: fc.Arbitrary<Ballot> = fc.record({ seq: ordinal.map((n) => (n % MAX_SEQ) + 1), server })
const anyBallot = fc.oneof(fc.constant<Ballot>({ seq: 0, server: 0 }), ballot)
const values = fc.array(bytes, { maxLength: 6 })
const range = fc.record({ first: slot, length: fc.nat(5000) })
const text = (maxLength: number) => fc.string({ unit: 'grapheme', maxLength })
const code = fc.constantFrom<ErrorCode>('outcome-unknown', 'overloaded', 'wrong-cluster', 'invalid-options')
const acceptor = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((raw) => Buffer.from(raw).toString('hex'))
const mode = fc.constantFrom('leader' as const, 'leaderless' as const)

/** A vote, with the distance of its slot from the one before in place of the slot. */
const spacedVote = fc.record({
  gap: fc.integer({ min: 1, max: 9 }),
  ballot,
  value: bytes,
  chosen: fc.boolean(),
})

function promiseOf(
  first: number,
  spaced: { gap: number; ballot: Ballot; value: Uint8Array; chosen: boolean }[],
) {
  let next = first - 1
  return spaced.map(({ gap, ...vote }): ReportedVote => ({ slot: (next += gap), ...vote }))
}

export const messages: Arbitraries<Message> = {
  prepare: fc.record(
    {
      type: fc.constant('prepare'),
      ballot,
      scope: fc.constantFrom('slot', 'log'),
      slot,
      predecessor: ballot,
    },
    { requiredKeys: ['type', 'ballot', 'scope', 'slot'] },
  ),
  promise: fc
    .record({ ballot, slot, spaced: fc.array(spacedVote, { maxLength: 5 }), more: fc.boolean() })
    .map(({ ballot, slot, spaced, more }) => {
      const votes = promiseOf(slot, spaced)
      const next = more ? (votes.at(-1)?.slot ?? slot) + 1 : 0
      return { type: 'promise', ballot, scope: 'log', slot, votes, next }
    }),
  accept: fc.record({
    type: fc.constant('accept'),
    ballot,
    first: slot,
    values: fc.array(bytes, { minLength: 1, maxLength: 6 }),
  }),
  accepted: fc.record({ ballot, range }).map(({ ballot, range: { first, length } }) => ({
    type: 'accepted',
    ballot,
    first,
    last: first + length,
  })),
  nack: fc.record({
    type: fc.constant('nack'),
    refused: ballot,
    ballot,
    slot: fc.oneof(fc.constant(0), slot),
  }),
  chosen: fc
    .record({ ballot, range })
    .map(({ ballot, range: { first, length } }) => ({ type: 'chosen', ballot, first, last: first + length })),
  heartbeat: fc.record({
    type: fc.constant('heartbeat'),
    ballot: anyBallot,
    round,
    chosen: ordinal,
    voted: ordinal,
  }),
  'heartbeat-answer': fc.record(
    {
      type: fc.constant('heartbeat-answer'),
      ballot: anyBallot,
      round,
      chosen: ordinal,
      voted: ordinal,
      clockMs: fc.double({ min: 0.001, max: 1e15, noNaN: true }),
    },
    { requiredKeys: ['type', 'ballot', 'round', 'chosen', 'voted'] },
  ),
  probe: fc.record({ type: fc.constant('probe'), round, chosen: ordinal }),
  'probe-answer': fc.record({
    type: fc.constant('probe-answer'),
    round,
    missing: fc.boolean(),
    ballot: anyBallot,
    chosen: ordinal,
  }),
  forward: fc.record({ type: fc.constant('forward'), values }),
  observe: fc.record({ type: fc.constant('observe'), round }),
  observed: fc.record({ type: fc.constant('observed'), round, voted: ordinal }),
  fetch: range.map(({ first, length }) => ({ type: 'fetch', first, last: first + length })),
  decided: fc.record({ type: fc.constant('decided'), first: slot, values }),
  transfer: fc.record({ type: fc.constant('transfer'), ballot, to: fc.oneof(fc.constant(0), server) }),
  trimmed: fc.record({ type: fc.constant('trimmed'), slot }),
}

export const clientMessages: Arbitraries<ClientMessage> = {
  execute: fc.record({ type: fc.constant('execute'), request: round, value: bytes }),
  read: fc.record({ type: fc.constant('read'), request: round, query: bytes }),
  'stale-read': fc.record({ type: fc.constant('stale-read'), request: round, atLeast: round, query: bytes }),
  follow: fc.record({ type: fc.constant('follow'), request: round, atLeast: round, query: bytes }),
  status: fc.record({ type: fc.constant('status'), request: round }),
  transfer: fc.record({ type: fc.constant('transfer'), request: round, to: server }),
  save: fc.record({ type: fc.constant('save'), request: round, slot: round, offset: round }),
  cancel: fc.record({ type: fc.constant('cancel'), request: round }),
}

export const replicaMessages: Arbitraries<ReplicaMessage> = {
  reply: fc.record({ type: fc.constant('reply'), request: round, slot: round, result: bytes }),
  fail: fc.record({
    type: fc.constant('fail'),
    request: round,
    code,
    retryAfterMs: round,
    message: text(200),
  }),
  leader: fc.record({ type: fc.constant('leader'), ballot, server }),
  rest: fc.constant({ type: 'rest' }),
  formed: fc.record({ type: fc.constant('formed'), clusterId: acceptor }),
}

const clusterId = fc.option(acceptor)
const version = fc.integer({ min: 1, max: 65_535 })
const support = fc.record({
  formats: fc.tuple(version, version).map(([one, other]) => ({
    oldest: Math.min(one, other),
    newest: Math.max(one, other),
  })),
  machine: version,
})

export const handshakes: Arbitraries<Handshake> = {
  'peer-hello': fc.record({
    type: fc.constant('peer-hello'),
    purpose: fc.constantFrom('messages', 'snapshot'),
    cluster: fc.string({ minLength: 1, maxLength: 60 }),
    clusterId,
    parameters: fc.record({
      mode,
      quorums: fc.option(fc.record({ phase1: size, phase2: size })),
      leaseMs: fc.nat(600_000),
      window: fc.integer({ min: 1, max: 1e6 }),
    }),
    electionTimeoutMs: fc.nat(600_000),
    server,
    acceptor,
    founders: fc.uniqueArray(server),
    address: fc.string({ maxLength: 60 }),
    process: fc.maxSafeNat(),
    support,
  }),
  'peer-welcome': fc.record({
    type: fc.constant('peer-welcome'),
    heard: fc.maxSafeNat(),
    server,
    acceptor,
    clusterId,
    process: fc.maxSafeNat(),
    support,
    electorate: fc.record({
      slot: fc.nat(2 ** 40),
      configurations: fc.array(
        fc
          .uniqueArray(server, { minLength: 1, maxLength: 5 })
          .map((voters) => ({ phase1: voters.length, voters })),
        { maxLength: 2 },
      ),
    }),
  }),
  'client-hello': fc.record({
    type: fc.constant('client-hello'),
    cluster: fc.string({ maxLength: 60 }),
    clusterId,
  }),
  'client-welcome': fc.record({
    type: fc.constant('client-welcome'),
    cluster: fc.string({ minLength: 1, maxLength: 60 }),
    clusterId,
    mode,
    server,
    maxCommandBytes: fc.maxSafeNat(),
  }),
  refuse: fc.record({ type: fc.constant('refuse'), code, reason: text(60) }),
}
