import { SnapshotMap } from 'synod'
import type { Key, LeaseId } from '../keys/key-value.js'
import type { LeaseClock } from './lease-clock.js'

/** The shortest time to live, in seconds: an election of a leader must not end a lease. */
export const MIN_TTL_SECONDS = 2
export const MAX_TTL_SECONDS = 9_000_000_000
export const MAX_LEASE_ID = 2n ** 63n - 1n

/** A lease ends this long after its deadline at the earliest. */
const GRACE_MS = 1000

/** Leases whose time ends in the same span of this length are looked at together. */
const BUCKET_MS = 500

export interface Lease {
  readonly ttlSeconds: number
  /** In lease time. */
  readonly deadlineMs: number
}

interface Due {
  readonly id: LeaseId
  readonly deadlineMs: number
}

/** The leases, each with the keys that go with it. */
export class Leases {
  readonly #clock: LeaseClock
  readonly #leases = new SnapshotMap<LeaseId, Lease>()
  readonly #keys = new Map<LeaseId, Set<Key>>()
  /**
   * By the span in which they may end. One that is kept alive stays where it is, until its span
   * comes.
   */
  readonly #buckets = new Map<number, LeaseId[]>()
  #nextBucket: number
  /** Leases that are to end, in order. */
  #due: Due[] = []

  constructor(clock: LeaseClock) {
    this.#clock = clock
    this.#nextBucket = Math.floor(clock.nowMs / BUCKET_MS)
  }

  get size(): number {
    return this.#leases.size
  }

  get ids(): IterableIterator<LeaseId> {
    return this.#leases.keys()
  }

  get(id: LeaseId): Lease | undefined {
    return this.#leases.get(id)
  }

  has(id: LeaseId): boolean {
    return this.#leases.has(id)
  }

  /** The keys of a lease, in order. */
  keysOf(id: LeaseId): Key[] {
    return [...(this.#keys.get(id) ?? [])].sort()
  }

  keyCountOf(id: LeaseId): number {
    return this.#keys.get(id)?.size ?? 0
  }

  leftSecondsOf({ deadlineMs }: Lease): number {
    return Math.max(0, Math.ceil((deadlineMs - this.#clock.nowMs) / 1000))
  }

  /** The lease must not be there. */
  grant(id: LeaseId, ttlSeconds: number): void {
    this.restore(id, { ttlSeconds, deadlineMs: this.#deadlineMs(ttlSeconds) })
  }

  /** As a snapshot tells of it. */
  restore(id: LeaseId, lease: Lease): void {
    this.#leases.set(id, lease)
    this.#enqueue(id, Math.max(this.#nextBucket, bucketOf(lease.deadlineMs)))
  }

  /** Returns the seconds that it has from now on; 0 where it is not there. */
  keepAlive(id: LeaseId): number {
    const lease = this.#leases.get(id)
    if (lease === undefined) return 0
    const { ttlSeconds } = lease
    const deadlineMs = this.#deadlineMs(ttlSeconds)
    this.#leases.set(id, { ttlSeconds, deadlineMs })
    // One that was to end is in no span any more.
    if (bucketOf(lease.deadlineMs) < this.#nextBucket) this.#enqueue(id, bucketOf(deadlineMs))
    return ttlSeconds
  }

  delete(id: LeaseId): void {
    this.#leases.delete(id)
    this.#keys.delete(id)
  }

  attach(id: LeaseId, key: Key): void {
    if (id === 0n) return
    const keys = this.#keys.get(id)
    if (keys === undefined) this.#keys.set(id, new Set([key]))
    else keys.add(key)
  }

  detach(id: LeaseId, key: Key): void {
    this.#keys.get(id)?.delete(key)
  }

  /**
   * Leases whose time is over, the earliest first: as many as have `mostKeys` keys together, and at
   * least one.
   */
  expired(mostKeys: number): readonly LeaseId[] {
    this.#collectDue()
    const ended: LeaseId[] = []
    let keys = 0
    const isTaken = ({ deadlineMs, id }: Due) => {
      // It may have been revoked or kept alive since.
      if (this.#leases.get(id)?.deadlineMs !== deadlineMs || ended.at(-1) === id) return true
      keys += this.keyCountOf(id) + 1
      if (ended.length > 0 && keys > mostKeys) return false
      ended.push(id)
      return true
    }
    const left = this.#due.findIndex((due) => !isTaken(due))
    this.#due.splice(0, left < 0 ? this.#due.length : left)
    return ended
  }

  snapshot(): IterableIterator<[LeaseId, Lease]> {
    return this.#leases.snapshot()
  }

  #deadlineMs(ttlSeconds: number): number {
    return this.#clock.nowMs + ttlSeconds * 1000
  }

  #enqueue(id: LeaseId, bucket: number): void {
    const ids = this.#buckets.get(bucket)
    if (ids === undefined) this.#buckets.set(bucket, [id])
    else ids.push(id)
  }

  #collectDue(): void {
    const current = Math.floor(this.#clock.nowMs / BUCKET_MS)
    const before = this.#due.length
    for (; this.#nextBucket <= current; this.#nextBucket++) {
      const ids = this.#buckets.get(this.#nextBucket) ?? []
      this.#buckets.delete(this.#nextBucket)
      for (const id of ids) {
        const deadlineMs = this.#leases.get(id)?.deadlineMs
        if (deadlineMs === undefined) continue
        const bucket = bucketOf(deadlineMs)
        if (bucket <= current) this.#due.push({ id, deadlineMs })
        else this.#enqueue(id, bucket)
      }
    }
    if (this.#due.length > before) this.#due.sort(inOrder)
  }
}

/** The span at whose beginning a lease with this deadline is to end. */
function bucketOf(deadlineMs: number): number {
  return Math.ceil((deadlineMs + GRACE_MS) / BUCKET_MS)
}

function inOrder(a: Due, b: Due): number {
  return a.deadlineMs - b.deadlineMs || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}
