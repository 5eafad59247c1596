import { SynodError } from 'synod'
import type { Answer, WatchEvent } from '../operations/operations.js'
import type { Calls } from './calls.js'
import { type Entry, type Keys, entryOf, rangeOf } from './entries.js'
import { StoreError, refusal } from './errors.js'

export interface WatchOptions {
  /**
   * Changes of this revision and later ones. Unless given, those after the newest revision at the
   * time of the call.
   */
  readonly from?: number | undefined
  /** Whether events have what was there before: unless that is compacted. False unless given. */
  readonly previous?: boolean | undefined
  /** `puts` or `deletes`: only those. Both unless given. */
  readonly only?: 'puts' | 'deletes' | undefined
  /** Ends the iteration. */
  readonly signal?: AbortSignal | undefined
}

/** A change of a key. */
export interface Change {
  readonly type: 'put' | 'delete'
  /** After a deletion it has the key and `modRevision`; all else is empty or 0. */
  readonly entry: Entry
  readonly previous: Entry | undefined
  /** Whether the key was not there before. */
  readonly isCreate: boolean
}

/** All changes of one revision to the keys that are watched. */
export interface Changes {
  readonly revision: number
  readonly changes: readonly Change[]
}

/** A replica answers after 5 s if nothing comes; one that does not is gone. */
const PATIENCE_MS = 15_000

/** Before it is asked again after an error that may pass. */
const PAUSE_MS = 200

/**
 * The changes of keys, revision by revision: in order, each once, without a gap, over broken
 * connections and lost replicas. Throws `compacted` where that cannot be.
 */
export async function* watch(
  calls: Calls,
  keys: Keys,
  { from, only, previous = false, signal }: WatchOptions,
): AsyncGenerator<Changes, void, undefined> {
  const range = rangeOf(keys)
  let startRevision = from ?? (await newestRevision(calls, signal)) + 1
  let skip = 0
  const fixed = { ...range, previous, puts: only !== 'deletes', deletes: only !== 'puts' }
  /** Events of a revision of which more may come. */
  let parts: WatchEvent[] = []
  while (signal?.aborted !== true) {
    const answer = await followed(calls, { type: 'watch', ...fixed, startRevision, skip }, signal)
    if (answer === undefined) continue
    for (const event of answer.events) {
      if (parts.length > 0 && parts[0]?.kv.modRevision !== event.kv.modRevision) {
        yield changesOf(parts)
        parts = []
      }
      parts.push(event)
    }
    ;({ startRevision, skip } = answer)
    if (parts.length > 0 && skip === 0) {
      yield changesOf(parts)
      parts = []
    }
  }
}

/** NaN where the signal is aborted by then. */
async function newestRevision(calls: Calls, signal: AbortSignal | undefined): Promise<number> {
  try {
    return (await calls.read({ type: 'status' }, { signal })).revision
  } catch (error) {
    if (signal?.aborted === true) return NaN
    throw error
  }
}

/** Undefined where it is to be asked again. */
async function followed(
  { state }: Calls,
  query: Extract<Parameters<Calls['state']['follow']>[0], { type: 'watch' }>,
  signal: AbortSignal | undefined,
): Promise<Extract<Answer, { type: 'watch' }> | undefined> {
  try {
    const { answer } = await state.follow(query, { atLeast: state.seen, signal, timeoutMs: PATIENCE_MS })
    const its: Answer = answer
    if (its.type === 'refused') throw refusal(its.reason)
    if (its.type === 'watch') return its
    throw new StoreError('wrong-machine', `the replicas run no store: the answer to a watch is a ${its.type}`)
  } catch (error) {
    if (signal?.aborted === true) return undefined
    if (!(error instanceof SynodError) || !PASSING.has(error.code)) throw error
    await new Promise((resolve) => setTimeout(resolve, error.retryAfterMs ?? PAUSE_MS))
    return undefined
  }
}

/** A read may be tried again after these. */
const PASSING: ReadonlySet<string> = new Set(['unreachable', 'too-stale', 'overloaded', 'no-quorum'])

function changesOf(events: readonly WatchEvent[]): Changes {
  const changes = events.map(({ kv, previous, type }) => ({
    type,
    entry: entryOf(kv),
    previous: previous && entryOf(previous),
    isCreate: type === 'put' && kv.version === 1,
  }))
  return { revision: events[0]?.kv.modRevision ?? 0, changes }
}
