import type { Ballot } from '../paxos/ballot.js'
import type { Value } from '../paxos/value.js'
import type { Reader } from './reader.js'
import type { Writer } from './writer.js'

/** The parts that messages on the network and records in the journal have in common. */
export function writeBallot(writer: Writer, ballot: Ballot): void {
  writer.varint(ballot.seq)
  writer.varint(ballot.server)
}

export function readBallot(reader: Reader): Ballot {
  return { seq: reader.varint(), server: reader.varint() }
}

export function writeValues(writer: Writer, values: readonly Value[]): void {
  writer.varint(values.length)
  for (const value of values) writer.bytes(value)
}

export function readValues(reader: Reader): Value[] {
  const count = reader.count()
  const values = new Array<Value>(count)
  for (let i = 0; i < count; i++) values[i] = reader.bytes()
  return values
}
