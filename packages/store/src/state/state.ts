import { KeySpace, type KeySpaceOptions } from '../keys/key-space.js'
import { LeaseClock } from '../leases/lease-clock.js'
import { Leases } from '../leases/leases.js'
import { Quota } from './quota.js'

/** All that is replicated. */
export interface StoreState {
  readonly keys: KeySpace
  readonly clock: LeaseClock
  readonly leases: Leases
  readonly quota: Quota
}

export function emptyState(options: KeySpaceOptions): StoreState {
  const clock = new LeaseClock({ nowMs: 0, stampMs: 0 })
  return { keys: KeySpace.empty(options), clock, leases: new Leases(clock), quota: new Quota() }
}
