import { type Replica, SynodError } from 'synod'
import type { Store } from '../store.js'

/** Where leases exist, a command is proposed at least this often. */
const TICK_MS = 500

/** How often it is looked whether one is due. */
const LOOK_MS = 125

/** In leaderless mode a server waits this much longer than the one before it, by their numbers. */
const RANK_MS = 250

export interface KeepTimeOptions {
  /** Ends it. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Lets time go on in a store in which nothing happens, as long as its leases or its compaction need
 * that: to be called beside every replica of a store, until it is closed. The leader does it, or in
 * leaderless mode the first server that is up.
 *
 * @example
 * const replica = await Replica.open({ id: 1, cluster, dataDir, machine: store })
 * void keepTime(replica, store)
 */
export async function keepTime(
  replica: Replica<Store>,
  store: Store,
  { signal }: KeepTimeOptions = {},
): Promise<void> {
  let stampMs = -1
  let sinceMs = performance.now()
  while (signal?.aborted !== true) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    const nowMs = performance.now()
    if (store.stampMs !== stampMs || !store.needsTicks) {
      stampMs = store.stampMs
      sinceMs = nowMs
      continue
    }
    const { leader, members, mode, server } = replica.status()
    const rank = members.filter((member) => member.role === 'voter' && member.server < server).length
    const isOurs = mode === 'leader' ? leader === server : true
    const patienceMs = mode === 'leader' ? 0 : rank * RANK_MS
    if (!isOurs || nowMs - sinceMs < TICK_MS - LOOK_MS + patienceMs) continue
    try {
      await replica.execute({ type: 'tick' }, { timeoutMs: 2 * TICK_MS, signal })
    } catch (error) {
      if (error instanceof SynodError && error.code === 'closed') return
      if (!(error instanceof SynodError)) throw error
    }
  }
}
