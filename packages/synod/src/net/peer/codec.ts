import { readAcceptor, writeAcceptor } from '../../bytes/acceptor.js'
import { readValues, writeBallot, writeValues } from '../../bytes/paxos.js'
import { MalformedError, type Reader } from '../../bytes/reader.js'
import type { Writer } from '../../bytes/writer.js'
import { type Slot, ZERO_BALLOT } from '../../paxos/ballot.js'
import type {
  Heartbeat,
  HeartbeatAnswer,
  Message,
  PromiseMessage,
  ReportedVote,
  Scope,
} from '../../paxos/messages.js'
import { namesByTag, readTag, type MessageCodec, type Tags } from '../transport/message-codec.js'
import {
  MAX_MEMBERS,
  readBallotOrZero,
  readLast,
  readProposedBallot,
  readServerOrNone,
  readSlot,
  readSlotOrNone,
} from '../fields.js'
import {
  MAX_WALL_MS,
  type PeerMessage,
  type GroupCountsReport,
  type PeerReport,
  type SnapshotReply,
  type SnapshotRequest,
  type SpaceState,
} from './messages.js'

/** The first byte of each message. A tag is never given to another message. */
export const MESSAGE_TAGS: Tags<PeerMessage['type']> = {
  prepare: 1,
  promise: 2,
  accept: 3,
  accepted: 4,
  nack: 5,
  chosen: 6,
  heartbeat: 7,
  'heartbeat-answer': 8,
  probe: 9,
  'probe-answer': 10,
  forward: 11,
  observe: 12,
  observed: 13,
  fetch: 14,
  decided: 15,
  transfer: 16,
  trimmed: 17,
  'snapshot-request': 32,
  'snapshot-chunk': 33,
  'no-snapshot': 34,
  digest: 35,
  disk: 36,
  'clock-request': 37,
  clock: 38,
  'group-counts': 39,
}

const MESSAGE_TYPES = namesByTag(MESSAGE_TAGS)

const SPACE_TAGS: Tags<SpaceState> = { ample: 0, low: 1, full: 2 }
const SPACES = namesByTag(SPACE_TAGS)

/** What stands for a clock where there are no leases. */
const NO_CLOCK = 0

/** Writes one message, tag first. */
export function encodeMessage(writer: Writer, message: PeerMessage): void {
  writer.u8(MESSAGE_TAGS[message.type])
  switch (message.type) {
    case 'prepare':
      writeBallot(writer, message.ballot)
      writeScope(writer, message.scope)
      writer.varint(message.slot)
      writeBallot(writer, message.predecessor ?? ZERO_BALLOT)
      return
    case 'promise':
      writeBallot(writer, message.ballot)
      writeScope(writer, message.scope)
      writer.varint(message.slot)
      writeVotes(writer, message)
      writer.varint(message.next)
      return
    case 'accept':
      writeBallot(writer, message.ballot)
      writer.varint(message.first)
      writeValues(writer, message.values)
      return
    case 'accepted':
    case 'chosen':
      writeBallot(writer, message.ballot)
      writer.varint(message.first)
      writer.varint(message.last - message.first)
      return
    case 'nack':
      writeBallot(writer, message.refused)
      writeBallot(writer, message.ballot)
      writer.varint(message.slot)
      return
    case 'heartbeat':
      writeWatermarks(writer, message)
      return
    case 'heartbeat-answer':
      writeWatermarks(writer, message)
      writer.f64(message.clockMs ?? NO_CLOCK)
      return
    case 'probe':
      writer.varint(message.round)
      writer.varint(message.chosen)
      return
    case 'observe':
      writer.varint(message.round)
      return
    case 'probe-answer':
      writer.varint(message.round)
      writer.boolean(message.missing)
      writeBallot(writer, message.ballot)
      writer.varint(message.chosen)
      return
    case 'forward':
      writeValues(writer, message.values)
      return
    case 'observed':
      writer.varint(message.round)
      writer.varint(message.voted)
      return
    case 'fetch':
      writer.varint(message.first)
      writer.varint(message.last - message.first)
      return
    case 'decided':
      writer.varint(message.first)
      writeValues(writer, message.values)
      return
    case 'transfer':
      writeBallot(writer, message.ballot)
      writer.varint(message.to)
      return
    case 'trimmed':
      writer.varint(message.slot)
      return
    case 'snapshot-request':
      writer.varint(message.atLeast)
      writer.varint(message.slot)
      writer.varint(message.offset)
      return
    case 'snapshot-chunk':
      writer.varint(message.slot)
      writer.varint(message.sizeBytes)
      writer.varint(message.offset)
      writer.bytes(message.bytes)
      return
    case 'digest':
      writer.varint(message.slot)
      writer.u32(message.digest)
      return
    case 'disk':
      writer.varint(message.writingMs)
      writer.u8(SPACE_TAGS[message.space])
      return
    case 'clock-request':
      writer.varint(message.round)
      return
    case 'clock':
      writer.varint(message.round)
      writer.varint(message.wallMs)
      return
    case 'group-counts':
      writer.varint(message.groupCounts.length)
      for (const { acceptor, groupCount } of message.groupCounts) {
        writeAcceptor(writer, acceptor)
        writer.varint(groupCount)
      }
      return
    case 'no-snapshot':
      return
  }
}

/**
 * Reads one message. Its values are views into the bytes read.
 *
 * @throws MalformedError
 */
export function decodeMessage(reader: Reader): PeerMessage {
  const type = readTag(reader, MESSAGE_TYPES)
  switch (type) {
    case 'prepare': {
      const ballot = readProposedBallot(reader)
      const [scope, slot, predecessor] = [readScope(reader), readSlot(reader), readBallotOrZero(reader)]
      return { type, ballot, scope, slot, ...(predecessor.seq === 0 ? {} : { predecessor }) }
    }
    case 'promise':
      return readPromise(reader)
    case 'accept': {
      const ballot = readProposedBallot(reader)
      const first = readSlot(reader)
      const values = readValues(reader)
      if (values.length === 0) throw new MalformedError('an accept without values')
      return { type, ballot, first, values }
    }
    case 'accepted':
    case 'chosen': {
      const ballot = readProposedBallot(reader)
      const first = readSlot(reader)
      return { type, ballot, first, last: readLast(reader, first) }
    }
    case 'nack':
      return {
        type,
        refused: readProposedBallot(reader),
        ballot: readProposedBallot(reader),
        slot: readSlotOrNone(reader),
      }
    case 'heartbeat':
      return { type, ...readWatermarks(reader) }
    case 'heartbeat-answer': {
      const watermarks = readWatermarks(reader)
      const clockMs = reader.f64()
      if (!(clockMs >= 0 && clockMs < Infinity)) throw new MalformedError(`a clock at ${clockMs} ms`)
      return { type, ...watermarks, ...(clockMs === NO_CLOCK ? {} : { clockMs }) }
    }
    case 'probe':
      return { type, round: reader.varint(), chosen: readSlotOrNone(reader) }
    case 'observe':
      return { type, round: reader.varint() }
    case 'probe-answer':
      return {
        type,
        round: reader.varint(),
        missing: reader.boolean(),
        ballot: readBallotOrZero(reader),
        chosen: readSlotOrNone(reader),
      }
    case 'forward':
      return { type, values: readValues(reader) }
    case 'observed':
      return { type, round: reader.varint(), voted: readSlotOrNone(reader) }
    case 'fetch': {
      const first = readSlot(reader)
      return { type, first, last: readLast(reader, first) }
    }
    case 'transfer':
      return { type, ballot: readProposedBallot(reader), to: readServerOrNone(reader) }
    case 'trimmed':
      return { type, slot: readSlot(reader) }
    case 'snapshot-request':
      return {
        type,
        atLeast: readSlotOrNone(reader),
        slot: readSlotOrNone(reader),
        offset: reader.varint(),
      }
    case 'snapshot-chunk': {
      const slot = readSlot(reader)
      const [sizeBytes, offset, bytes] = [reader.varint(), reader.varint(), reader.bytes()]
      if (bytes.length === 0 || offset + bytes.length > sizeBytes)
        throw new MalformedError(`${bytes.length} bytes at ${offset} of ${sizeBytes}`)
      return { type, slot, sizeBytes, offset, bytes }
    }
    case 'digest':
      return { type, slot: readSlot(reader), digest: reader.u32() }
    case 'disk':
      return { type, writingMs: reader.varint(), space: readTag(reader, SPACES) }
    case 'clock-request':
      return { type, round: reader.varint() }
    case 'clock': {
      const [round, wallMs] = [reader.varint(), reader.varint()]
      if (wallMs > MAX_WALL_MS) throw new MalformedError(`a wall clock at ${wallMs} ms`)
      return { type, round, wallMs }
    }
    case 'group-counts':
      return { type, groupCounts: readGroupCounts(reader) }
    case 'no-snapshot':
      return { type }
    case 'decided':
      return { type, first: readSlot(reader), values: readValues(reader) }
  }
}

/** For the side that dialled: on this connection the other side only listens. */
export const peerSender: MessageCodec<Message | PeerReport, never> = {
  encode: encodeMessage,
  decode() {
    throw new MalformedError('a message from the server that was dialled')
  },
}

/** For the side that was dialled. */
export const peerReceiver: MessageCodec<SnapshotReply, PeerMessage> = {
  encode: encodeMessage,
  decode: decodeMessage,
}

/** For the side that dialled to get a snapshot. */
export const snapshotAsker: MessageCodec<SnapshotRequest, PeerMessage> = {
  encode: encodeMessage,
  decode: decodeMessage,
}

function readGroupCounts(reader: Reader): GroupCountsReport['groupCounts'] {
  const count = reader.count()
  if (count > MAX_MEMBERS) throw new MalformedError(`${count} group counts`)
  return Array.from({ length: count }, () => ({
    acceptor: readAcceptor(reader),
    groupCount: reader.varint(),
  }))
}

function writeWatermarks(
  writer: Writer,
  { ballot, chosen, round, voted }: Heartbeat | HeartbeatAnswer,
): void {
  writeBallot(writer, ballot)
  writer.varint(round)
  writer.varint(chosen)
  writer.varint(voted)
}

function readWatermarks(reader: Reader): Omit<Heartbeat, 'type'> {
  return {
    ballot: readBallotOrZero(reader),
    round: reader.varint(),
    chosen: readSlotOrNone(reader),
    voted: readSlotOrNone(reader),
  }
}

function writeScope(writer: Writer, scope: Scope): void {
  writer.boolean(scope === 'log')
}

function readScope(reader: Reader): Scope {
  return reader.boolean() ? 'log' : 'slot'
}

/** Each vote's slot is written as its distance from the slot before it. */
function writeVotes(writer: Writer, { slot, votes }: PromiseMessage): void {
  writer.varint(votes.length)
  let previous = slot
  for (const vote of votes) {
    writer.varint(vote.slot - previous)
    writer.boolean(vote.chosen)
    writeBallot(writer, vote.ballot)
    writer.bytes(vote.value)
    previous = vote.slot
  }
}

function readPromise(reader: Reader): PromiseMessage {
  const ballot = readProposedBallot(reader)
  const scope = readScope(reader)
  const slot = readSlot(reader)
  const votes = readVotes(reader, slot)
  const next = readSlotOrNone(reader)
  const last = votes.at(-1)?.slot ?? slot - 1
  if (scope === 'slot' && (last > slot || next !== 0))
    throw new MalformedError('votes beyond the slot asked for')
  if (next !== 0 && next <= last) throw new MalformedError('next slot already listed')
  return { type: 'promise', ballot, scope, slot, votes, next }
}

function readVotes(reader: Reader, from: Slot): ReportedVote[] {
  const count = reader.count()
  const votes = new Array<ReportedVote>(count)
  let slot = from
  for (let i = 0; i < count; i++) {
    const next = readLast(reader, slot)
    if (i > 0 && next === slot) throw new MalformedError('two votes in one slot')
    slot = next
    const chosen = reader.boolean()
    const ballot = chosen ? readBallotOrZero(reader) : readProposedBallot(reader)
    votes[i] = { slot, ballot, value: reader.bytes(), chosen }
  }
  return votes
}
