import { describe, expect, test } from 'vitest'
import { Paxos, type Input } from '../../src/paxos/paxos.js'
import { Chaos } from '../../../testing/src/cluster/chaos.js'
import { Cluster } from '../../../testing/src/cluster/cluster.js'
import { forSeeds } from './replay.js'

/** As text: the same for every kind of array that holds the bytes of a value. */
function serialized(it: unknown): string {
  return JSON.stringify(it, (_key, part: unknown) => {
    if (part instanceof Map) return [...part]
    if (part === Infinity || part === -Infinity) return String(part)
    if (part instanceof Uint8Array) return Buffer.from(part).toString('hex')
    return isBufferJson(part) ? Buffer.from(part.data).toString('hex') : part
  })
}

function isBufferJson(part: unknown): part is { data: number[] } {
  return (
    typeof part === 'object' && part !== null && 'type' in part && part.type === 'Buffer' && 'data' in part
  )
}

/** Each server is accompanied by a copy that is saved and loaded before every single step. */
class CheckedCluster extends Cluster {
  steps = 0

  override step(id: number, input: Input) {
    const server = this.server(id)
    if (!server.up) return undefined
    const saved = server.paxos.save()
    const copy = Paxos.load(server.config, saved)
    const expected = copy.step(structuredClone(input), this.nowMs)
    const output = super.step(id, input)
    expect(serialized(output)).toBe(serialized(expected))
    expect(serialized(copy.save())).toBe(serialized(server.paxos.save()))
    expect(copy.status()).toEqual(server.paxos.status())
    this.steps++
    return output
  }
}

describe.each(['leader', 'leaderless'] as const)('in %s mode', (mode) => {
  test('a loaded copy acts exactly as the original at every step of a run', () => {
    forSeeds(import.meta.url, 4, (seed) => {
      const cluster = new CheckedCluster({ mode, seed })
      const chaos = new Chaos(cluster)
      let chosen = 0
      for (let event = 0; event < 700; event++) {
        chaos.event()
        const id = 1 + (event % 3)
        if (event % 20 === 0) cluster.propose(id, `r${event}`)
        if (event % 50 === 0) cluster.read(id)
        if (event % 90 === 0) cluster.step(id, { type: 'peer-gone', peer: 1 + ((event + 1) % 3) })
        chosen = Math.max(chosen, cluster.paxos(id).chosen)
      }
      expect(cluster.steps).toBeGreaterThan(300)
      expect(chosen).toBeGreaterThan(0)
    })
  })

  test('saved data is independent of the server, and the server of saved data', () => {
    const cluster = new Cluster({ mode })
    if (mode === 'leader') cluster.makeLeader(1)
    cluster.proposeAlone(1, 'a')
    cluster.settle()
    const saved = cluster.paxos(1).save()
    const before = serialized(saved)
    const copy = Paxos.load(cluster.server(1).config, saved)
    cluster.proposeAlone(1, 'b')
    cluster.settle()
    expect(serialized(saved)).toBe(before)
    expect(copy.chosen).toBe(1)
    copy.step({ type: 'propose', proposals: [{ id: 99, value: Buffer.from('c') }] }, cluster.nowMs)
    expect(serialized(saved)).toBe(before)
    expect(cluster.paxos(1).chosen).toBe(2)
  })

  test('saving changes nothing in the server', () => {
    const cluster = new Cluster({ mode })
    cluster.propose(1, 'a')
    expect(serialized(cluster.paxos(1).save())).toBe(serialized(cluster.paxos(1).save()))
  })
})
