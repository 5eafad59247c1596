import { describe, expect, test } from 'vitest'
import type { Mode } from '../../src/paxos/config.js'
import { checkPrefixes } from '../../src/paxos/invariants.js'
import { Paxos } from '../../src/paxos/paxos.js'
import { Cluster, texts } from './cluster.js'

const SEEDS = Number(process.env.SYNOD_SEEDS ?? 60)
const FIRST_SEED = Number(process.env.SYNOD_SEED ?? 1)

/** Faults for a while, then a healed cluster that must choose everything proposed. */
function run(mode: Mode, seed: number, servers: number): void {
  const cluster = new Cluster({ mode, seed, servers })
  const rates = { loss: 0.05, duplicate: 0.1, crash: 0.004 }
  let proposed = 0
  for (let event = 0; event < 4000; event++) {
    cluster.chaos(rates)
    if (event % 40 === 0) {
      const text = `r${++proposed}`
      for (const id of cluster.ids) cluster.propose(id, text)
    }
    if (event % 500 === 0) {
      // A server that is saved and loaded goes on as if nothing had happened.
      for (const id of cluster.ids) {
        const server = cluster.server(id)
        server.paxos = Paxos.load(server.config, server.paxos.save())
      }
    }
  }
  for (const id of cluster.ids) if (!cluster.server(id).up) cluster.restart(id)
  const last = 'the last'
  const everywhere = () => cluster.ids.every((id) => texts(cluster.prefix(id)).includes(last))
  if (mode === 'leader') cluster.elect()
  for (const id of cluster.ids) cluster.propose(id, last)
  cluster.run(everywhere)
  for (const a of cluster.ids) for (const b of cluster.ids) checkPrefixes(cluster.prefix(a), cluster.prefix(b))
  expect(cluster.paxos(1).chosen).toBeGreaterThan(0)
}

describe.each(['leader', 'leaderless'] as const)('%s mode under loss, duplication, reordering and crashes', (mode) => {
  for (const servers of [3, 5]) {
    test(`${servers} servers agree, and a healed cluster makes progress`, () => {
      const seeds = servers === 3 ? SEEDS : Math.ceil(SEEDS / 3)
      for (let seed = FIRST_SEED; seed < FIRST_SEED + seeds; seed++) {
        try {
          run(mode, seed, servers)
        } catch (error) {
          const replay = `SYNOD_SEED=${seed} SYNOD_SEEDS=1 npx vitest run packages/synod/test/paxos/chaos.test.ts`
          throw new Error(`${mode} mode, ${servers} servers, seed ${seed}. Replay: ${replay}`, { cause: error })
        }
      }
    })
  }
})
