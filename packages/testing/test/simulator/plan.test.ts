import { describe, expect, it } from 'vitest'
import {
  CLOCK_KINDS,
  EXTREME_KINDS,
  FAULT_KINDS,
  FULL_KINDS,
  HOSTILE_KINDS,
  MEMBERSHIP_KINDS,
  UPGRADE_KINDS,
  MISTAKEN_KINDS,
  ORDERLY_KINDS,
  DATA_LOSS_KINDS,
} from '../../src/simulator/faults/faults.js'
import { type Plan, type PlanOptions, drawPlan } from '../../src/simulator/faults/plan.js'
import { forSeeds } from '../../../synod/test/paxos/replay.js'

function forPlans(run: (plan: Plan, options: PlanOptions) => void): void {
  forSeeds(import.meta.url, 2000, (seed) => {
    const options: PlanOptions = seed % 2 === 0 ? { mode: 'leaderless', servers: 5 } : {}
    run(drawPlan(seed, options), options)
  })
}

function serversWithLostDisks({ faults }: Plan): Set<number> {
  return new Set(
    faults.flatMap((fault) => ('server' in fault && DATA_LOSS_KINDS.has(fault.kind) ? fault.server : [])),
  )
}

describe('a plan', () => {
  it('is the same for the same seed, and differs for another', () => {
    const plans = new Set<string>()
    forPlans((plan, options) => {
      expect(drawPlan(plan.seed, options)).toEqual(plan)
      expect(plans).not.toContain(JSON.stringify({ ...plan, seed: 0 }))
      plans.add(JSON.stringify({ ...plan, seed: 0 }))
    })
  })

  it('is plain data', () => {
    forPlans((plan) => {
      expect(JSON.parse(JSON.stringify(plan))).toStrictEqual(plan)
    })
  })

  it('has its faults in order of time, within its duration', () => {
    forPlans(({ durationMs, faults }) => {
      const times = faults.map(({ atMs }) => atMs)
      expect(times).toEqual(times.toSorted((a, b) => a - b))
      for (const { atMs, forMs } of faults) {
        expect(atMs).toBeGreaterThanOrEqual(0)
        expect(atMs).toBeLessThan(durationMs)
        expect(forMs).toBeGreaterThanOrEqual(0)
      }
    })
  })

  it('names only its own servers and clients', () => {
    forPlans(({ clients, faults, left, old = [], rates, servers }) => {
      const ids = Array.from({ length: servers }, (_, index) => index + 1)
      const joining = faults.flatMap((fault) => (fault.kind === 'join' ? fault.server : []))
      expect(joining).toEqual(joining.map((_, index) => servers + index + 1))
      const places = [...ids, ...Array.from({ length: clients }, (_, index) => `c${index + 1}`)]
      expect(rates.length).toBe(servers)
      expect(ids).toEqual(expect.arrayContaining([...left]))
      expect([...ids, ...joining]).toEqual(expect.arrayContaining([...old]))
      for (const fault of faults) {
        const among = fault.kind === 'upgrade' ? [...ids, ...joining] : ids
        if ('server' in fault && fault.kind !== 'join') expect(among).toContain(fault.server)
        if ('client' in fault) expect(places).toContain(`c${fault.client}`)
        if (!('from' in fault)) continue
        expect(ids).toContain(fault.to)
        expect(places).toContain(fault.from)
        expect(fault.from).not.toBe(fault.to)
      }
    })
  })

  it('leaves a healthy majority, if the cluster must make progress', () => {
    forPlans((plan) => {
      const lost = [...serversWithLostDisks(plan), ...plan.left]
      expect(new Set(lost).size, 'left broken, and wrecked as well').toBe(lost.length)
      if (plan.live) expect(lost.length).toBeLessThanOrEqual(Math.floor((plan.servers - 1) / 2))
    })
  })

  it('never loses the disks of a majority', () => {
    forPlans(({ faults, servers }) => {
      const lost = faults.flatMap((fault) => (fault.kind === 'lost-disk' ? fault.server : []))
      expect(new Set(lost).size).toBeLessThanOrEqual((servers - 1) / 2)
    })
  })

  it('damages no disk before the cluster has formed', () => {
    forPlans((plan) => {
      if (!plan.formed) expect([serversWithLostDisks(plan).size, plan.left]).toEqual([0, []])
    })
  })

  it('limits descriptors only if it has hostile clients', () => {
    forPlans(({ descriptors, faults }) => {
      const isHostile = faults.some(({ kind }) => kind === 'hostile-clients' || kind === 'idle-clients')
      expect(descriptors !== undefined).toBe(isHostile)
    })
  })

  it('has the requested number of servers and mode', () => {
    forSeeds(import.meta.url, 100, (seed) => {
      expect(drawPlan(seed, { servers: 7, mode: 'leaderless' })).toMatchObject({
        servers: 7,
        mode: 'leaderless',
      })
    })
  })
})

it('all plans together contain every kind of fault and every option', () => {
  const plans = Array.from({ length: 500 }, (_, index) => drawPlan(index + 1))
  const kinds = new Set(plans.flatMap(({ faults }) => faults.map(({ kind }) => kind)))
  expect([...kinds].sort()).toEqual(
    [
      ...FAULT_KINDS,
      ...ORDERLY_KINDS,
      ...MEMBERSHIP_KINDS,
      ...UPGRADE_KINDS,
      ...HOSTILE_KINDS,
      ...EXTREME_KINDS,
      ...CLOCK_KINDS,
      ...FULL_KINDS,
      ...MISTAKEN_KINDS,
    ].sort(),
  )
  const some = (holds: (plan: Plan) => boolean) => plans.filter(holds).length
  expect(some(({ servers }) => servers === 3)).toBeGreaterThan(0)
  expect(some(({ servers }) => servers === 5)).toBeGreaterThan(0)
  expect(some(({ servers }) => servers === 1)).toBeGreaterThan(0)
  expect(some(({ overheard }) => overheard)).toBeGreaterThan(0)
  expect(some(({ left }) => left.length > 0)).toBeGreaterThan(0)
  expect(some(({ formed }) => !formed)).toBeGreaterThan(0)
  expect(some(({ pieces }) => pieces)).toBeGreaterThan(0)
  expect(some(({ faults }) => faults.length === 0)).toBeGreaterThan(0)
  expect(some((plan) => serversWithLostDisks(plan).size > (plan.servers - 1) / 2)).toBeGreaterThan(0)
  const upgraded = plans.filter(({ old }) => old !== undefined)
  expect(upgraded.length).toBeGreaterThan(20)
  expect(upgraded.some(({ old = [], servers }) => old.some((id) => id > servers))).toBe(true)
  expect(upgraded.every((plan) => serversWithLostDisks(plan).size === 0 && plan.left.length === 0)).toBe(true)
  expect(some(({ live }) => live)).toBeGreaterThan(plans.length / 2)
})
