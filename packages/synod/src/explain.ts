import type { ServerId } from './paxos/ballot.js'
import {
  MAX_APART_MS,
  type PeerStatus,
  type PendingQuorumStatus,
  type ReplicaStatus,
  type SpaceStatus,
  type TimeStatus,
} from './status.js'

/** A wait that is shorter than this is not explained. */
const CONCERN_MS = 500

const ORDINALS = ['a first', 'a second', 'a third', 'a fourth', 'a fifth'] as const

/**
 * What keeps a replica from getting on, or is wrong with it, in one sentence; null if nothing is.
 * It is made from the status alone, so that it says the same wherever the status has been taken to.
 */
export function explain(status: ReplicaStatus): string | null {
  const {
    admitted,
    watermarks,
    damage,
    formed,
    journal,
    lease,
    pendingQuorum,
    snapshot,
    space,
    stalls,
    time,
  } = status
  if (damage !== null) return `does not vote: ${damage}`
  if (!formed) return unformed(status)
  if (!admitted) return unadmitted(status)
  if (snapshot.arriving !== null) {
    const { arrivedBytes, from, sizeBytes } = snapshot.arriving
    const percent = Math.floor((100 * arrivedBytes) / Math.max(1, sizeBytes))
    return `gets a snapshot from s${from}: ${percent} % of ${sizeBytes} bytes`
  }
  if (space.state !== 'ample') return spaceWords(space)
  if (pendingQuorum !== null && pendingQuorum.forMs >= CONCERN_MS) return pendingWords(status, pendingQuorum)
  if (status.mode === 'leader' && status.leader === null)
    return `knows of no leader: ${absent(status, []) || 'all servers are connected, and none leads'}`
  if (time.logMs === 0 && status.waiting > 0)
    return `waits for the wall clocks of a majority of the voters, to tell the time: ${absent(status, [])}`
  const writingMs = journal?.writingMs ?? 0
  if (writingMs >= CONCERN_MS) return `its disk has not answered for ${seconds(writingMs)}`
  if (watermarks.executed < watermarks.chosen)
    return `slots ${watermarks.executed + 1} to ${watermarks.chosen} are chosen, and wait to be executed`
  if (lease !== null && lease.fastClocks.length > 0) {
    const names = lease.fastClocks.map((server) => `s${server}`)
    return `its clock is slow beside ${names.join(', ')}: for a lease of its own it does not count on those any more`
  }
  if (Math.abs(time.clockAheadMs) > MAX_APART_MS) return wrongClock(time)
  return stalls.longestMs < CONCERN_MS ? null : `stood still for up to ${seconds(stalls.longestMs)}`
}

function spaceWords({ freeBytes, state }: SpaceStatus): string {
  const free = freeBytes === null ? '' : `: ${Math.floor(freeBytes / 2 ** 20)} MiB free`
  return `its disk is ${state === 'full' ? 'full' : 'getting full'}${free}`
}

/** Why a replica reaches no quorum, in a phrase that names it. */
export function explainNoQuorum(status: ReplicaStatus): string {
  const { admitted, formed, peers, server } = status
  if (!formed) return `s${server} ${unformed(status)}`
  if (!admitted) return `s${server} ${unadmitted(status)}`
  const silent = peers.filter(({ up, writingMs }) => !up || writingMs >= CONCERN_MS).flatMap(silence)
  return silent.length === 0
    ? `s${server} reaches all servers, and no quorum of them answers yet`
    : `s${server} misses a quorum: ${silent.join(', ')}`
}

/** Servers meet once, all of them, before any of them votes. */
function unformed({ peers }: ReplicaStatus): string {
  const missing = peers.filter(({ up }) => !up).map(({ server }) => `s${server}`)
  return `has not formed a cluster: waits for ${missing.join(', ') || 'the others to agree'}`
}

/**
 * A server that starts takes part when a quorum has confirmed that its directory is no old copy.
 */
function unadmitted(status: ReplicaStatus): string {
  const missing = absent(status, [])
  return `has started, and waits for a quorum to welcome it${missing === '' ? '' : `: ${missing}`}`
}

function pendingWords(status: ReplicaStatus, { heard, needed, slot, step }: PendingQuorumStatus): string {
  const reasons = absent(status, heard)
  const missing = needed - heard.length
  const what = { accept: 'vote', prepare: 'promise', probe: 'answer' }[step]
  const which = missing === 1 ? (ORDINALS[heard.length] ?? 'one more') : String(missing)
  const wanted = missing === 1 ? `${which} ${what}` : `${which} more ${what}s`
  const why = reasons === '' ? '' : `: ${reasons}`
  if (step === 'probe') return `misses the leader, and waits for ${wanted} of others that do too${why}`
  if (slot === 0) return `wants to lead, and waits for ${wanted}${why}`
  return `slot ${slot} waits for ${wanted}${why}`
}

/** Why those are silent that have not been heard. */
function absent({ journal, peers, server }: ReplicaStatus, heard: readonly ServerId[]): string {
  const own =
    heard.length > 0 && !heard.includes(server) && journal !== null && journal.writingMs > 0
      ? [`its own disk has not answered for ${seconds(journal.writingMs)}`]
      : []
  return [...own, ...peers.filter((peer) => !heard.includes(peer.server)).flatMap(silence)].join(', ')
}

function silence({ forMs, reason, server, space, up, writingMs }: PeerStatus): string[] {
  if (up && space === 'full') return [`s${server}'s disk is full`]
  if (up && writingMs > 0) return [`s${server}'s disk has not answered for ${seconds(writingMs)}`]
  if (up) return [`s${server} is connected and does not answer`]
  return [`s${server} unreachable for ${seconds(forMs)}${reason === undefined ? '' : ` (${reason})`}`]
}

function wrongClock({ clockAheadMs, isMedianKnown }: TimeStatus): string {
  const side = clockAheadMs > 0 ? 'ahead of' : 'behind'
  const why = isMedianKnown
    ? "which follows the median of the voters' clocks"
    : 'and too few clocks of voters agree to tell which is right'
  return `its wall clock is ${seconds(Math.abs(clockAheadMs))} ${side} log time, ${why}`
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`
}
