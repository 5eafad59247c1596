import { describe, expect, test } from 'vitest'
import type { Slot } from 'synod/internal/paxos/ballot.js'
import type { Mode } from 'synod/internal/paxos/config.js'
import { forSeeds } from '../../../synod/test/paxos/replay.js'
import { CoreCluster } from './core-cluster.js'
import { journalOf, proposerOf } from './core-state.js'
import { describeNetwork } from './messages.js'
import { type SpecInstance, type SpecProposer, type SpecState, drawTraces } from './trace.js'

const ACTIONS = [
  'init',
  'propose',
  'sync',
  'restart',
  'fetch',
  'receivePrepare',
  'receivePromise',
  'receiveAccept',
  'receiveAccepted',
  'receiveNack',
  'receiveChosen',
]
const ACTIONS_OF = {
  leader: ['campaign', 'giveUp'],
  leaderless: ['proposeWhenIdle', 'prepareAhead', 'retry', 'fillHoles'],
}

/** How slots that were ready went on. */
const ENDS_OF_READY = { leader: [], leaderless: ['command', 'no-op', 'preempted'] }

describe('traces of the specification lead the core to the same states', () => {
  // As long as it takes: Quint draws the traces, and may be asked for many.
  test.each(['leader', 'leaderless'] as const)('%s mode', { timeout: 3_600_000 }, (mode) => {
    const actions = new Set<string>()
    const ends = new Set<string>()
    forSeeds(import.meta.url, 1, (seed) => {
      for (const trace of drawTraces(mode, seed)) {
        follow(mode, trace)
        for (const { action } of trace) actions.add(action)
        for (const end of endsOfReady(trace)) ends.add(end)
      }
    })
    // Another seed may miss one.
    if (process.env.SYNOD_SEED !== undefined) return
    expect(actions).toEqual(new Set([...ACTIONS, ...ACTIONS_OF[mode]]))
    expect(ends).toEqual(new Set(ENDS_OF_READY[mode]))
  })
})

/** Each step of the trace is carried out; then all that the specification speaks of is compared. */
function follow(mode: Mode, trace: readonly SpecState[]): void {
  const cluster = new CoreCluster(mode)
  const steps: string[] = []
  for (const state of trace) {
    if (state.action !== 'init') {
      steps.push(`${state.action}(s${state.picks.s})`)
      cluster.act(state.action, state.picks)
    }
    const when = `after ${steps.join(', ')}`
    for (const [id, { config, paxos }] of cluster.servers) {
      const spec = state.servers.get(id)!
      const core = paxos.save()
      expect(journalOf(core), `the journal of s${id} ${when}`).toEqual(spec.journal)
      expect(journalOf(cluster.recovered(id)), `the disk of s${id} ${when}`).toEqual(state.disks.get(id))
      expect(spec.proposer, `the proposer of s${id} ${when}`).toMatchObject(proposerOf(core, config))
    }
    const network = describeNetwork(state.network, [...cluster.servers.keys()])
    expect(cluster.network, `the messages ${when}`).toEqual(network)
  }
}

function* endsOfReady(trace: readonly SpecState[]): Generator<string, void, undefined> {
  for (const [index, { servers }] of trace.entries()) {
    for (const [id, { proposer }] of trace[index + 1]?.servers ?? []) {
      for (const [slot, { phase, request }] of instancesOf(proposer)) {
        if (instancesOf(servers.get(id)!.proposer).get(slot)?.phase.tag !== 'Ready') continue
        if (phase.tag === 'Accepting') yield request === '' ? 'no-op' : 'command'
        if (phase.tag === 'Waiting') yield 'preempted'
      }
    }
  }
}

function instancesOf(proposer: SpecProposer): ReadonlyMap<Slot, SpecInstance> {
  return 'role' in proposer ? new Map() : proposer
}
