import { MalformedError, type Reader } from '../../bytes/reader.js'
import type { Writer } from '../../bytes/writer.js'
import type { ServerId, Slot } from '../../paxos/ballot.js'
import type { MembershipView } from '../../paxos/membership.js'
import { MAX_MEMBERS, readServer, readSlotOrNone } from '../fields.js'

/** At most two configurations are in force at the same time: the latest, and the one before it. */
const MAX_CONFIGURATIONS = 2

/** Who votes, as a server knows it. */
export interface Electorate {
  /** The slot of the last change of the membership that it has executed; 0 for none. */
  readonly slot: Slot
  /**
   * None where it does not know the membership. `phase1`: how many voters a quorum of phase 1 has,
   * 1 to as many as there are.
   */
  readonly configurations: readonly { readonly phase1: number; readonly voters: readonly ServerId[] }[]
}

export function electorateOf({ state }: MembershipView): Electorate {
  const { configurations, slot } = state
  return {
    slot,
    configurations: configurations.map(({ quorums, voters }) => ({ phase1: quorums.phase1, voters })),
  }
}

export function writeElectorate(writer: Writer, { configurations, slot }: Electorate): void {
  writer.varint(slot)
  writer.varint(configurations.length)
  for (const { phase1, voters } of configurations) {
    writer.varint(phase1)
    writer.varint(voters.length)
    for (const server of voters) writer.varint(server)
  }
}

/** Throws MalformedError. */
export function readElectorate(reader: Reader): Electorate {
  const slot = readSlotOrNone(reader)
  const count = reader.count()
  if (count > MAX_CONFIGURATIONS) throw new MalformedError(`${count} configurations`)
  const configurations = Array.from({ length: count }, () => {
    const phase1 = reader.varint()
    const size = reader.count()
    if (size > MAX_MEMBERS) throw new MalformedError(`${size} voters`)
    const voters = Array.from({ length: size }, () => readServer(reader))
    if (new Set(voters).size < size) throw new MalformedError('a voter listed twice')
    if (phase1 === 0 || phase1 > size) throw new MalformedError(`a quorum of ${phase1} of ${size} voters`)
    return { phase1, voters }
  })
  return { slot, configurations }
}
