import type { LeaseId } from '../keys/key-value.js'
import { MAX_LEASE_ID, MAX_TTL_SECONDS, MIN_TTL_SECONDS } from '../leases/leases.js'
import { MAX_QUOTA_BYTES, MIN_QUOTA_BYTES } from '../operations/limits.js'
import type { Command, OperationResult, Refused, Result } from '../operations/operations.js'
import { change, remove } from './changes.js'
import type { StoreState } from './state.js'

/** How many records compaction comes past with each command. */
const SCRUBBED_PER_COMMAND = 64

/** Leases that end together have at most this many keys, unless one alone has more. */
const EXPIRED_KEYS = 1000

/** A result without the revision. */
type Bare<Of extends Result> = Of extends unknown ? Omit<Of, 'revision'> : never
type BareResult = Bare<Result>

/** Lets time go on to that of a command, and executes it. */
export function execute(state: StoreState, command: Command, timeMs: number): Result {
  const { clock, keys, leases, quota } = state
  clock.advance(timeMs)
  endLeases(state, leases.expired(EXPIRED_KEYS))
  keys.scrub(SCRUBBED_PER_COMMAND)
  quota.refresh(keys.bytes)
  const result = resultOf(state, command)
  return { ...result, revision: keys.revision }
}

function resultOf(state: StoreState, command: Command): BareResult {
  const { keys, leases, quota } = state
  switch (command.type) {
    case 'put':
    case 'delete':
    case 'increment':
    case 'txn':
      return orRefused(change(state, command))
    case 'compact':
      if (command.revision > keys.revision) return refused('future-revision')
      if (command.revision <= keys.compacted) return refused('compacted')
      keys.compact(command.revision)
      return { type: 'compact' }
    case 'grant':
      return grant(state, command.lease, command.ttlSeconds)
    case 'revoke':
      if (!leases.has(command.lease)) return refused('lease-not-found')
      endLeases(state, [command.lease])
      return { type: 'revoke' }
    case 'keep-alive':
      return { type: 'keep-alive', ttlSeconds: command.leases.map((lease) => leases.keepAlive(lease)) }
    case 'tick':
      return { type: 'tick' }
    case 'quota': {
      const { bytes } = command
      if (bytes < MIN_QUOTA_BYTES || bytes > MAX_QUOTA_BYTES) return refused('invalid-quota')
      quota.set(bytes, keys.bytes)
      return { type: 'quota' }
    }
  }
}

function grant({ keys, leases, quota }: StoreState, lease: LeaseId, ttlSeconds: number): BareResult {
  if (lease < 1n || lease > MAX_LEASE_ID) return refused('invalid-lease')
  if (!Number.isInteger(ttlSeconds) || ttlSeconds > MAX_TTL_SECONDS) return refused('invalid-ttl')
  if (leases.has(lease)) return refused('lease-exists')
  if (!quota.takes(keys.bytes, 0)) return refused('no-space')
  const given = Math.max(MIN_TTL_SECONDS, ttlSeconds)
  leases.grant(lease, given)
  return { type: 'grant', ttlSeconds: given }
}

/** Deletes the keys of leases, all in one revision. */
function endLeases(state: StoreState, ended: readonly LeaseId[]): void {
  for (const lease of ended) {
    for (const key of state.leases.keysOf(lease)) remove(state, key)
    state.leases.delete(lease)
  }
  state.keys.commit()
}

function orRefused(result: OperationResult | Refused): BareResult {
  return typeof result === 'string' ? refused(result) : result
}

function refused(reason: Refused): BareResult {
  return { type: 'refused', reason }
}
