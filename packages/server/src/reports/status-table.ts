import { type EndpointStatus, type ReplicaStatus, explain, formatBallot } from 'synod'
import { memberNote } from './member-note.js'
import { formatTable } from '../terminal/table.js'

const HEADING = [
  'server',
  'endpoint',
  'role',
  'ballot',
  'leader',
  'snapshotted',
  'executed',
  'chosen',
  'voted',
  'lag',
  'peers up',
  'sessions',
  'waiting',
  'log time',
  'clock',
  'note',
]

/**
 * The state of each endpoint as a table. `lag` is by how many slots a replica's executed watermark
 * is behind the highest chosen watermark of all that answered.
 */
export function statusTable(statuses: readonly EndpointStatus[]): string {
  const known = statuses.flatMap((answer) => ('status' in answer ? [answer.status] : []))
  const chosen = Math.max(0, ...known.map(({ watermarks }) => watermarks.chosen))
  const rows = statuses.map((answer) =>
    'status' in answer
      ? replicaRow(answer.endpoint, answer.status, chosen, noteOf(answer.status, known))
      : unreachableRow(answer.endpoint, answer.error),
  )
  return formatTable(HEADING, rows)
}

function replicaRow(
  endpoint: string,
  { ballot, watermarks, leader, peers, role, server, sessions, time, waiting }: ReplicaStatus,
  chosen: number,
  note: string,
): string[] {
  const up = peers.filter((peer) => peer.up).length
  return [
    `s${server}`,
    endpoint,
    role,
    ballot.seq === 0 ? '-' : formatBallot(ballot),
    leader === null ? '-' : `s${leader}`,
    String(watermarks.snapshotted),
    String(watermarks.executed),
    String(watermarks.chosen),
    String(watermarks.voted),
    String(Math.max(0, chosen - watermarks.executed)),
    `${up}/${peers.length}`,
    String(sessions),
    String(waiting),
    new Date(time.logMs).toISOString(),
    `${(time.clockAheadMs / 1000).toFixed(1)} s`,
    note,
  ]
}

function unreachableRow(endpoint: string, error: Error): string[] {
  return HEADING.map((name) => {
    if (name === 'endpoint') return endpoint
    return name === 'note' ? error.message : '-'
  })
}

/** What is wrong with a replica, or why it does not vote; empty for a healthy voter. */
function noteOf(status: ReplicaStatus, all: readonly ReplicaStatus[]): string {
  const { watermarks, cluster, digest } = status
  const different = all.find(
    (other) =>
      other.cluster === cluster &&
      other.watermarks.executed === watermarks.executed &&
      other.digest !== digest,
  )
  if (different !== undefined) return `has executed something else than s${different.server}`
  if (isStranger(status)) return 'is not a member: see synod member add --help'
  return explain(status) ?? membershipNote(status) ?? upgradeNote(status) ?? ''
}

/** Whether a replica knows the members and is not one of them. */
function isStranger({ members, server }: ReplicaStatus): boolean {
  return members.length > 0 && !members.some((member) => member.server === server)
}

/** The note of a replica that is newer than other members. */
function upgradeNote({ versions: { agreed, support } }: ReplicaStatus): string | undefined {
  const { formats, machine } = support
  if (formats.newest > agreed.format)
    return `supports format ${formats.newest}; the members have agreed on ${agreed.format}`
  if (machine > agreed.machine)
    return `supports machine version ${machine}; the members have agreed on ${agreed.machine}`
  return undefined
}

/** Why a healthy replica does not vote. */
function membershipNote({ members, role, server }: ReplicaStatus): string | undefined {
  const member = members.find((each) => each.server === server)
  if (member === undefined) return 'does not know yet who is a member'
  // A change takes force after the window of slots.
  return member.role === 'voter' && role === 'learner' ? 'is about to vote' : memberNote(member)
}
