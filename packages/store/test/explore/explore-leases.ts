import { Chance } from '../../../testing/src/chance.js'
import type { LeaseId } from '../../src/index.js'
import { LeaseClock } from '../../src/leases/lease-clock.js'
import { Leases } from '../../src/leases/leases.js'
import { same } from './same.js'

const GRACE_MS = 1000
const BUCKET_MS = 500

interface Plain {
  readonly id: LeaseId
  readonly ttlSeconds: number
  deadlineMs: number
  keys: number
}

/** Leases in a list, looked through each time. */
class PlainLeases {
  readonly list: Plain[] = []

  expired(nowMs: number, mostKeys: number): LeaseId[] {
    const now = Math.floor(nowMs / BUCKET_MS)
    const due = this.list
      .filter(({ deadlineMs }) => Math.ceil((deadlineMs + GRACE_MS) / BUCKET_MS) <= now)
      .sort((a, b) => a.deadlineMs - b.deadlineMs || Number(a.id - b.id))
    const ended: LeaseId[] = []
    let keys = 0
    for (const lease of due) {
      keys += lease.keys + 1
      if (ended.length > 0 && keys > mostKeys) break
      ended.push(lease.id)
    }
    return ended
  }

  remove(id: LeaseId): void {
    this.list.splice(
      this.list.findIndex((lease) => lease.id === id),
      1,
    )
  }
}

/** Many leases that end together, a few at a time, while others are made, kept alive and ended. */
export function exploreLeases(seed: number, steps: number): void {
  const chance = new Chance(seed)
  const clock = new LeaseClock({ nowMs: 0, stampMs: 0 })
  const plain = new PlainLeases()
  let leases = new Leases(clock)
  let stampMs = 1_000_000
  let nextKey = 0
  for (let step = 0; step < steps; step++) {
    clock.advance((stampMs += chance.happens(0.1) ? chance.below(2000) : chance.below(200)))
    const ended = leases.expired(4)
    same('the leases that end', ended, plain.expired(clock.nowMs, 4))
    for (const id of ended) {
      leases.delete(id)
      plain.remove(id)
    }
    const id = BigInt(1 + chance.below(40))
    const found = plain.list.find((lease) => lease.id === id)
    same('whether a lease is there', leases.has(id), found !== undefined)
    if (found === undefined) {
      const ttlSeconds = 2 + chance.below(3)
      leases.grant(id, ttlSeconds)
      plain.list.push({ id, ttlSeconds, deadlineMs: clock.nowMs + ttlSeconds * 1000, keys: 0 })
    } else if (chance.happens(0.4)) {
      leases.keepAlive(id)
      found.deadlineMs = clock.nowMs + found.ttlSeconds * 1000
    } else if (chance.happens(0.3)) {
      leases.delete(id)
      plain.remove(id)
    } else {
      leases.attach(id, String(nextKey++))
      found.keys++
    }
    if (chance.happens(0.02)) leases = restored(leases, clock)
  }
}

function restored(leases: Leases, clock: LeaseClock): Leases {
  const copy = new Leases(clock)
  for (const [id, lease] of leases.snapshot()) {
    copy.restore(id, lease)
    for (const key of leases.keysOf(id)) copy.attach(id, key)
  }
  return copy
}
