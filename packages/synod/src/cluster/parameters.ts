import { MalformedError, type Reader } from '../bytes/reader.js'
import type { Writer } from '../bytes/writer.js'
import type { Mode } from '../paxos/config.js'
import { SynodError } from '../errors.js'
import { type Quorums, faultOfQuorums, majorities } from '../paxos/quorum.js'

/** What all servers of a cluster agree on for good. */
export interface ClusterParameters {
  readonly mode: Mode
  /** Null for majorities. */
  readonly quorums: Quorums | null
  /** How long leases last; 0 for none. */
  readonly leaseMs: number
  /** How many slots after the one in which a change of the voters is chosen it takes force. */
  readonly window: number
}

/**
 * What two sides say of the parameters in which they differ, in the words of a message to people.
 */
export interface ParameterDifference {
  readonly code: 'wrong-mode' | 'wrong-cluster'
  readonly ours: string
  readonly theirs: string
}

const MODES: readonly Mode[] = ['leader', 'leaderless']
const MAX_QUORUM = 255

const WORDS: readonly ((parameters: ClusterParameters) => string)[] = [
  ({ mode }) => `${mode} mode`,
  ({ quorums }) =>
    quorums === null ? 'majorities' : `quorums of ${quorums.phase1} and ${quorums.phase2} servers`,
  ({ leaseMs }) => (leaseMs === 0 ? 'no lease' : `a lease of ${leaseMs} ms`),
  ({ window }) => `a window of ${window} slots`,
]

/**
 * In what these parameters differ; undefined where they are the same. Of two modes, the rest
 * follows.
 */
export function parameterDifference(
  ours: ClusterParameters,
  theirs: ClusterParameters,
): ParameterDifference | undefined {
  const different = WORDS.filter((wordsOf) => wordsOf(ours) !== wordsOf(theirs))
  if (different.length === 0) return undefined
  const code = ours.mode === theirs.mode ? 'wrong-cluster' : 'wrong-mode'
  const told = code === 'wrong-mode' ? different.slice(0, 1) : different
  const wordsFor = (side: ClusterParameters) => told.map((wordsOf) => wordsOf(side)).join(' and ')
  return { code, ours: wordsFor(ours), theirs: wordsFor(theirs) }
}

/**
 * As a cluster of this many founders has them: majorities are null.
 *
 * @throws SynodError `invalid-options` for quorums that need not meet.
 */
export function foundingParameters(parameters: ClusterParameters, founders: number): ClusterParameters {
  const fault = parameters.quorums === null ? undefined : faultOfQuorums(founders, parameters.quorums)
  if (fault !== undefined) throw new SynodError('invalid-options', fault)
  return withoutNeedlessQuorums(parameters, founders)
}

/** Majorities have no other name. */
export function withoutNeedlessQuorums(parameters: ClusterParameters, founders: number): ClusterParameters {
  const { phase1, phase2 } = majorities(founders)
  const { quorums } = parameters
  return quorums?.phase1 === phase1 && quorums.phase2 === phase2
    ? { ...parameters, quorums: null }
    : parameters
}

export function areParameters(value: unknown): value is ClusterParameters {
  if (typeof value !== 'object' || value === null) return false
  const { leaseMs, mode, quorums, window } = value as Record<string, unknown>
  return (
    MODES.includes(mode as Mode) &&
    isFrom(0, leaseMs) &&
    isFrom(1, window) &&
    (quorums === null || areQuorums(quorums))
  )
}

export function writeParameters(writer: Writer, parameters: ClusterParameters): void {
  const { leaseMs, mode, quorums, window } = parameters
  writer.u8(MODES.indexOf(mode) + 1)
  writer.varint(quorums?.phase1 ?? 0)
  writer.varint(quorums?.phase2 ?? 0)
  writer.varint(leaseMs)
  writer.varint(window)
}

/** @throws MalformedError */
export function readParameters(reader: Reader): ClusterParameters {
  const mode = MODES[reader.u8() - 1]
  const [phase1, phase2] = [reader.varint(), reader.varint()]
  const quorums = phase1 === 0 && phase2 === 0 ? null : { phase1, phase2 }
  const parameters = { mode, quorums, leaseMs: reader.varint(), window: reader.varint() }
  if (!areParameters(parameters)) throw new MalformedError(`parameters ${JSON.stringify(parameters)}`)
  return parameters
}

function areQuorums(value: unknown): value is Quorums {
  if (typeof value !== 'object' || value === null) return false
  const { phase1, phase2 } = value as Record<string, unknown>
  return isFrom(1, phase1) && isFrom(1, phase2) && Math.max(phase1, phase2) <= MAX_QUORUM
}

function isFrom(low: number, value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= low
}
