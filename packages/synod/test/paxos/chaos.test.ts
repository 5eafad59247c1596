import { describe, expect, test } from 'vitest'
import type { Mode } from '../../src/paxos/config.js'
import { checkPrefixes } from '../../src/paxos/invariants.js'
import { Paxos } from '../../src/paxos/paxos.js'
import { random, randomBetween } from '../../src/paxos/random.js'
import { type Value, sameValue } from '../../src/paxos/value.js'
import { Cluster, drawFaults, value } from './cluster.js'
import { forSeeds } from './replay.js'

const EVENTS = 4000

/** Values of which two do not fit into one message: views of one buffer, so that they cost nothing. */
const large = new Uint8Array(600_000)

/** Faults for a while, then a healed cluster that must choose everything proposed. */
function run(mode: Mode, seed: number, servers: number): void {
  const draw = { seed }
  const electionTimeout_ms = randomBetween(draw, 20, 200)
  const config = {
    electionTimeout_ms,
    heartbeat_ms: electionTimeout_ms / 5,
    resend_ms: randomBetween(draw, 20, 250),
    window: Math.ceil(random(draw) ** 2 * 64),
  }
  const cluster = new Cluster({ mode, seed, servers, config })
  const faults = drawFaults(draw, cluster.ids)
  const every = Math.ceil(randomBetween(draw, 5, 50))
  const bulky = random(draw) < 0.1
  const values = (id: number) => (bulky ? large.subarray(id) : value(`r${id}`))
  const everywhere = random(draw) < 0.3
  let nextId = 1
  const propose = (id: number, it: Value) =>
    cluster.step(id, { type: 'propose', proposals: [{ id: nextId++, value: it }] })
  for (let event = 0; event < EVENTS; event++) {
    cluster.chaos(faults)
    if (event % every === 0) {
      const it = values(nextId)
      for (const id of cluster.ids)
        if (everywhere || random(draw) < 0.5) propose(id, everywhere ? it : values(nextId))
    }
    if (event % 500 === 0 && !bulky) {
      // A server that is saved and loaded goes on as if nothing had happened.
      for (const id of cluster.ids) {
        const server = cluster.server(id)
        server.paxos = Paxos.load(server.config, server.paxos.save())
      }
    }
  }
  cluster.heal()
  for (const id of cluster.ids) if (!cluster.server(id).up) cluster.restart(id)
  if (mode === 'leader') cluster.elect()
  const last = value('the last')
  for (const id of cluster.ids) propose(id, last)
  const ended = (id: number) => cluster.prefix(id).some((it) => sameValue(it, last))
  cluster.run(() => cluster.ids.every(ended))
  for (const a of cluster.ids)
    for (const b of cluster.ids) checkPrefixes(cluster.prefix(a), cluster.prefix(b))
  expect(cluster.paxos(1).chosen).toBeGreaterThan(0)
}

describe.each(['leader', 'leaderless'] as const)(
  '%s mode under loss, duplicates, reordering, cuts, crashes',
  (mode) => {
    const timeout_ms = 600_000
    test.each([3, 5])(
      '%i servers agree, and a healed cluster makes progress',
      { timeout: timeout_ms },
      (servers) => {
        forSeeds(import.meta.url, 100, (seed) => run(mode, seed, servers))
      },
    )
  },
)
