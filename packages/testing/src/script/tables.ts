import { type ServerId, type Slot, compareBallots, formatBallot } from 'synod/internal/paxos/ballot.js'
import type { Cluster } from '../cluster/cluster.js'
import { decodeValue } from './client-requests.js'
import { describeRole } from './narrator.js'

/** What each server is, what it has promised in every slot, and its watermarks. */
export function statusLines(cluster: Cluster): string[] {
  return cluster.ids.map((id) => {
    const { paxos, up } = cluster.server(id)
    if (!up) return `s${id}: down`
    const status = paxos.status()
    const { promised } = paxos.save().acceptor
    const parts = [describeRole(status)]
    if (promised.seq > 0) parts.push(`promised ${formatBallot(promised)}`)
    return `s${id}: ${parts.join(', ')}; chosen to ${status.chosen}, voted to ${status.voted}`
  })
}

/** The slots of these servers side by side: promises and votes in each, and what is chosen. */
export function logTable(cluster: Cluster, servers: readonly ServerId[]): string[] {
  const last = Math.max(...servers.map((id) => lastSlot(cluster, id)))
  const head = ['slot', ...servers.map((id) => `s${id}`)]
  const slots = Array.from({ length: last }, (_, index) => index + 1)
  const rows = slots.map((slot) => [String(slot), ...servers.map((id) => slotCell(cluster, id, slot))])
  return align([head, ...rows])
}

/** The last slot that this server knows anything of. */
function lastSlot(cluster: Cluster, id: ServerId): Slot {
  const { log } = cluster.paxos(id)
  let slot = log.state.voted
  while (log.find(slot + 1) !== undefined) slot++
  return slot
}

function slotCell(cluster: Cluster, id: ServerId, slot: Slot): string {
  const { log } = cluster.paxos(id)
  const { promised, ballot } = log.find(slot) ?? {}
  const found = log.status(slot)
  if (found.status === 'trimmed') return 'dropped'
  if (found.status === 'chosen') return `${decodeValue(found.value)} chosen`
  const parts: string[] = []
  if (found.status === 'voted') parts.push(`${decodeValue(found.value)} ${formatBallot(found.ballot)}`)
  if (promised !== undefined && ballot !== undefined && compareBallots(promised, ballot) > 0)
    parts.push(`promised ${formatBallot(promised)}`)
  return parts.join(', ') || '-'
}

function align(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
