import type { ServerId } from './paxos/ballot.js'
import { MAX_APART_MS } from './replica/log-time.js'
import type { PeerStatus, PendingQuorumStatus, ReplicaStatus, SpaceStatus, TimeStatus } from './status.js'

/** A wait that is shorter than this is not explained. */
const CONCERN_MS = 500

const ORDINALS = ['a first', 'a second', 'a third', 'a fourth', 'a fifth'] as const

/**
 * What keeps a replica from getting on, or is wrong with it, in one sentence; null if nothing is.
 * It is made from the status alone, so that it says the same wherever the status has been taken to.
 */
export function explain(status: ReplicaStatus): string | null {
  const { admitted, bars, damage, formed, journal, lease, pendingQuorum, snapshot, space, stalls, time } =
    status
  if (damage !== null) return `does not vote: ${damage}`
  if (!formed) return unformed(status)
  if (!admitted) return unadmitted(status)
  if (snapshot.arriving !== null) {
    const { arrived_bytes, from, size_bytes } = snapshot.arriving
    const percent = Math.floor((100 * arrived_bytes) / Math.max(1, size_bytes))
    return `gets a snapshot from s${from}: ${percent} % of ${size_bytes} bytes`
  }
  if (space.state !== 'ample') return spaceWords(space)
  if (pendingQuorum !== null && pendingQuorum.for_ms >= CONCERN_MS) return pendingWords(status, pendingQuorum)
  if (status.mode === 'leader' && status.leader === null)
    return `knows of no leader: ${absent(status, []) || 'all servers are connected, and none leads'}`
  if (time.log_ms === 0 && status.waiting > 0)
    return `waits for the wall clocks of a majority of the voters, to tell the time: ${absent(status, [])}`
  const writing_ms = journal?.writing_ms ?? 0
  if (writing_ms >= CONCERN_MS) return `its disk has not answered for ${seconds(writing_ms)}`
  if (bars.executed < bars.chosen)
    return `slots ${bars.executed + 1} to ${bars.chosen} are chosen, and wait to be executed`
  if (lease !== null && lease.unsound.length > 0) {
    const names = lease.unsound.map((server) => `s${server}`)
    return `its clock is slow beside ${names.join(', ')}: for a lease of its own it does not count on those any more`
  }
  if (Math.abs(time.clock_ahead_ms) > MAX_APART_MS) return wrongClock(time)
  return stalls.longest_ms < CONCERN_MS ? null : `stood still for up to ${seconds(stalls.longest_ms)}`
}

function spaceWords({ free_bytes, state }: SpaceStatus): string {
  const free = free_bytes === null ? '' : `: ${Math.floor(free_bytes / 2 ** 20)} MiB free`
  return `its disk is ${state === 'full' ? 'full' : 'getting full'}${free}`
}

/** Why a replica reaches no quorum, in a phrase that names it. */
export function explainNoQuorum(status: ReplicaStatus): string {
  const { admitted, formed, peers, server } = status
  if (!formed) return `s${server} ${unformed(status)}`
  if (!admitted) return `s${server} ${unadmitted(status)}`
  const silent = peers.filter(({ up, writing_ms }) => !up || writing_ms >= CONCERN_MS).flatMap(silence)
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
    heard.length > 0 && !heard.includes(server) && journal !== null && journal.writing_ms > 0
      ? [`its own disk has not answered for ${seconds(journal.writing_ms)}`]
      : []
  return [...own, ...peers.filter((peer) => !heard.includes(peer.server)).flatMap(silence)].join(', ')
}

function silence({ for_ms, reason, server, space, up, writing_ms }: PeerStatus): string[] {
  if (up && space === 'full') return [`s${server}'s disk is full`]
  if (up && writing_ms > 0) return [`s${server}'s disk has not answered for ${seconds(writing_ms)}`]
  if (up) return [`s${server} is connected and does not answer`]
  return [`s${server} unreachable for ${seconds(for_ms)}${reason === undefined ? '' : ` (${reason})`}`]
}

function wrongClock({ clock_ahead_ms, isMedianKnown }: TimeStatus): string {
  const side = clock_ahead_ms > 0 ? 'ahead of' : 'behind'
  const why = isMedianKnown
    ? "which follows the median of the voters' clocks"
    : 'and too few clocks of voters agree to tell which is right'
  return `its wall clock is ${seconds(Math.abs(clock_ahead_ms))} ${side} log time, ${why}`
}

function seconds(duration_ms: number): string {
  return `${(duration_ms / 1000).toFixed(1)} s`
}
