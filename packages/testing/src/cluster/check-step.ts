import { ZERO_BALLOT, compareBallots, formatBallot, maxBallot } from 'synod/internal/paxos/ballot.js'
import type { Output } from 'synod/internal/paxos/effects.js'
import { type ClusterHistory, InvariantError, checkWatermarks } from 'synod/internal/paxos/invariants.js'
import type { Input } from 'synod/internal/paxos/paxos.js'
import type { ClusterServer } from './cluster-server.js'

/** What holds after every step of every server. */
export function checkStep(
  server: ClusterServer,
  history: ClusterHistory,
  nowMs: number,
  input: Input,
  output: Output,
): void {
  const { id, paxos } = server
  const { chosen, voted } = paxos.status()
  checkWatermarks({ snapshotted: paxos.log.state.trimmed, executed: chosen, chosen, voted })
  checkHint(server, output)
  const clockMs = server.clockMs(nowMs)
  if (input.type === 'tick' && output.deadlineMs <= clockMs)
    throw new Error(`s${id} wants a tick at ${output.deadlineMs} when it has just had one at ${clockMs}`)
  for (const { id: read, slot } of output.reads) {
    const { acknowledged = 0, decided = 0 } = server.readsFrom.get(read) ?? {}
    // A leader that answers alone, at once, need not know what a quorum has just voted for. A
    // quorum that is asked does.
    const from = input.type === 'read' && input.id === read ? acknowledged : decided
    if (slot < from)
      throw new InvariantError(`s${id} would read at slot ${slot} what began when slot ${from} was decided`)
  }
  for (const record of output.records) {
    if (record.type === 'chosen') {
      for (let slot = record.first; slot <= record.last; slot++) {
        history.chosen(id, slot, server.value(slot))
        history.chosenAt(id, slot, paxos.log.find(slot)?.ballot ?? ZERO_BALLOT)
      }
    } else if (record.type === 'decided') {
      for (const [offset, value] of record.values.entries()) history.chosen(id, record.first + offset, value)
    }
  }
}

/**
 * Clients follow the hint with the highest ballot: a server names a leader with its ballot, and
 * never an older one. No server leads that has promised a higher ballot.
 */
function checkHint(server: ClusterServer, { records }: Output): void {
  const { id } = server
  for (const record of records) {
    const binds = record.type === 'vote' || (record.type === 'promise' && record.scope === 'log')
    if (binds) server.bound = maxBallot(server.bound, record.ballot)
  }
  const { ballot, leader } = server.paxos.status()
  if (leader === undefined) return
  const least = leader === id ? maxBallot(server.named, server.bound) : server.named
  if (ballot.server !== leader || compareBallots(ballot, least) < 0)
    throw new InvariantError(
      `s${id} names s${leader} as the leader at ${formatBallot(ballot)}, after ${formatBallot(least)}`,
    )
  server.named = ballot
}
