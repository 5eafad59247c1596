import type { KeyHistory } from '../keys/key-space.js'
import type { RecordRef } from '../keys/record-heap.js'
import { covers } from '../operations/check-shape.js'
import { WatchIndex } from './watch-index.js'
import type { WatchEvent } from '../operations/operations.js'
import type { RevisionEvents, WatchNews, WatchRequest, Watcher, WatcherState } from './watcher.js'

export interface WatchHubOptions {
  /**
   * A watcher for whom this many bytes of events wait is filled from history from then on. 256 KiB
   * unless given.
   */
  readonly waitingBytes?: number | undefined
  /**
   * Nor do more bytes of events than this wait for all watchers; shared ones count for each. 256
   * MiB unless given.
   */
  readonly heldBytes?: number | undefined
}

const WAITING_BYTES = 256 << 10
const HELD_BYTES = 256 << 20

/** What an event counts besides its keys and values. */
const EVENT_BYTES = 256

/** How many changes of history are looked at in one turn for one watcher, or one revision. */
const SCANNED_PER_TURN = 1000

/** The most revisions of which events are handed over together. */
const MOST_REVISIONS = 1000

/** What is watched. */
export interface WatchedStore {
  /** Another object when the state was replaced. */
  readonly keys: KeyHistory
  /** Has a function called after each command. Returns what ends that. */
  onChange(listener: () => void): () => void
}

/**
 * The watchers of one replica. They are no part of the state: each is fed from what this replica
 * executes, and filled from the history of its keys.
 */
export class WatchHub {
  readonly #store: WatchedStore
  /** The watchers that are current. */
  readonly #index = new WatchIndex<HubWatcher>()
  readonly #watchers = new Set<HubWatcher>()
  readonly #stop: () => void
  readonly #held = { bytes: 0 }
  readonly #limits: HubSide['limits']
  #keys: KeyHistory
  /** All changes up to this revision have been handed to the watchers that are current. */
  #revision: number

  constructor(store: WatchedStore, options: WatchHubOptions = {}) {
    this.#store = store
    const { heldBytes = HELD_BYTES, waitingBytes = WAITING_BYTES } = options
    this.#limits = { heldBytes, waitingBytes }
    this.#keys = store.keys
    this.#revision = store.keys.revision
    this.#stop = store.onChange(() => {
      this.#changed()
    })
  }

  get size(): number {
    return this.#watchers.size
  }

  /** The newest revision that watchers may know of. */
  get revision(): number {
    return this.#revision
  }

  /** `onReady` is called when there is something to take, not again before it was taken. */
  watch(request: WatchRequest, onReady: () => void): Watcher {
    const watcher = new HubWatcher(request, this.#revision, onReady, {
      held: this.#held,
      limits: this.#limits,
      keys: () => this.#keys,
      revision: () => this.#revision,
      onCurrent: () => {
        this.#index.add(request, watcher)
      },
      onBehind: () => {
        this.#index.remove(request, watcher)
      },
      onOver: () => {
        this.#watchers.delete(watcher)
      },
    })
    this.#watchers.add(watcher)
    watcher.begin()
    return watcher
  }

  close(): void {
    this.#stop()
    for (const watcher of [...this.#watchers]) watcher.cancel()
  }

  #changed(): void {
    if (this.#store.keys !== this.#keys) this.#restored()
    const keys = this.#keys
    if (keys.revision === this.#revision) return
    if (this.#watchers.size > 0) this.#report(keys)
    this.#revision = keys.revision
  }

  /** A snapshot took the place of the state: what lies between comes from its history. */
  #restored(): void {
    this.#keys = this.#store.keys
    for (const watcher of this.#watchers) watcher.fallBehind(this.#revision + 1)
  }

  /** Hands the changes since the last revision to the watchers that are current. */
  #report(keys: KeyHistory): void {
    const reached = new Set<HubWatcher>()
    let place = keys.placeOf(this.#revision + 1)
    while (place < keys.end) {
      const first = keys.changeAt(place)
      if (first === undefined) break
      const revision = keys.revisionOf(first)
      for (; place < keys.end; place++) {
        const ref = keys.changeAt(place)
        if (ref === undefined || keys.revisionOf(ref) !== revision) break
        const event = new LazyEvent(keys, ref)
        this.#index.find(keys.keyOf(ref), (watcher) => {
          if (watcher.add(event, revision)) reached.add(watcher)
        })
      }
      for (const watcher of reached) watcher.endRevision(revision)
      reached.clear()
    }
  }
}

/** An event that is made when the first watcher wants it, with or without what was there before. */
class LazyEvent {
  readonly isDeletion: boolean
  readonly #keys: KeyHistory
  readonly #ref: RecordRef
  #plain: WatchEvent | undefined
  #full: WatchEvent | undefined

  constructor(keys: KeyHistory, ref: RecordRef) {
    this.#keys = keys
    this.#ref = ref
    this.isDeletion = keys.isDeletion(ref)
  }

  get(withPrevious: boolean): WatchEvent {
    const plain = (this.#plain ??= { ...this.#keys.eventOf(this.#ref), previous: undefined })
    if (!withPrevious) return plain
    return (this.#full ??= { ...plain, previous: this.#keys.before(this.#ref) })
  }
}

/** What a watcher knows of its hub. */
interface HubSide {
  /** What waits for all watchers. */
  readonly held: { bytes: number }
  readonly limits: { readonly heldBytes: number; readonly waitingBytes: number }
  readonly keys: () => KeyHistory
  readonly revision: () => number
  readonly onCurrent: () => void
  readonly onBehind: () => void
  readonly onOver: () => void
}

class HubWatcher implements Watcher {
  readonly request: WatchRequest
  readonly #hub: HubSide
  readonly #onReady: () => void
  #state: WatcherState = 'behind'
  /** Where it goes on in history. */
  #next: number
  /** Those before it are not for this watcher. */
  readonly #first: number
  #waiting: RevisionEvents[] = []
  #waitingBytes = 0
  /** Of the revision that is being handed out. */
  #events: WatchEvent[] = []
  /** Whether `onReady` was called since it last took everything. */
  #isReady = false

  constructor(request: WatchRequest, revision: number, onReady: () => void, hub: HubSide) {
    this.request = request
    this.#hub = hub
    this.#onReady = onReady
    this.#first = request.startRevision === 0 ? revision + 1 : request.startRevision
    this.#next = this.#first
  }

  get state(): WatcherState {
    return this.#state
  }

  begin(): void {
    if (this.#next > this.#hub.revision()) this.#becomeCurrent()
    else this.#ready()
  }

  /** An event of a revision that is being handed out; whether it is for this watcher. */
  add(event: LazyEvent, revision: number): boolean {
    if (revision < this.#first || !this.#wants(event.isDeletion)) return false
    this.#events.push(event.get(this.request.previous))
    return true
  }

  endRevision(revision: number): void {
    const waiting = { revision, events: this.#events, bytes: bytesOf(this.#events) }
    this.#events = []
    const { held, limits } = this.#hub
    // One revision always has a place, however large.
    if (this.#waiting.length > 0 && this.#waitingBytes + waiting.bytes > limits.waitingBytes) {
      this.#fallBehindAt(revision)
    } else if (held.bytes + waiting.bytes > limits.heldBytes) {
      this.#fallBehindAt(this.#waiting[0]?.revision ?? revision)
      this.#release(this.#waiting.splice(0))
    } else {
      this.#wait(waiting)
      this.#ready()
    }
  }

  /** What is of this revision and later comes from history. */
  fallBehind(revision: number): void {
    if (this.#state === 'current') this.#fallBehindAt(Math.max(revision, this.#first))
  }

  take(): WatchNews | 'later' | undefined {
    if (this.#state === 'over') return undefined
    if (this.#waiting.length > 0) return this.#takeWaiting()
    if (this.#state === 'behind') {
      const { compacted } = this.#hub.keys()
      if (this.#next < compacted) {
        this.#end()
        return { type: 'compacted', compacted }
      }
      this.#scan()
      if (this.#waiting.length > 0) return this.#takeWaiting()
      if (this.#isBehind) return 'later'
    }
    this.#isReady = false
    return undefined
  }

  progress(): number | undefined {
    const revision = this.#hub.revision()
    if (this.#state !== 'current' || this.#waiting.length > 0 || revision < this.#first - 1) return undefined
    return revision
  }

  cancel(): void {
    if (this.#state !== 'over') this.#end()
  }

  get #isBehind(): boolean {
    return this.#state === 'behind'
  }

  #takeWaiting(): WatchNews {
    const taken = this.#waiting.splice(0, MOST_REVISIONS)
    this.#release(taken)
    const events = taken.flatMap((each) => each.events)
    return { type: 'events', revision: taken.at(-1)?.revision ?? 0, events }
  }

  #wait(waiting: RevisionEvents): void {
    this.#waiting.push(waiting)
    this.#waitingBytes += waiting.bytes
    this.#hub.held.bytes += waiting.bytes
  }

  #release(taken: readonly RevisionEvents[]): void {
    for (const { bytes } of taken) {
      this.#waitingBytes -= bytes
      this.#hub.held.bytes -= bytes
    }
  }

  /** Reads on in history, up to the end of a revision. */
  #scan(): void {
    const keys = this.#hub.keys()
    const { request } = this
    let place = keys.placeOf(this.#next)
    let revision = this.#next
    let events: WatchEvent[] = []
    const endRevision = () => {
      if (events.length > 0) this.#wait({ revision, events, bytes: bytesOf(events) })
      events = []
    }
    for (let scanned = 0; place < keys.end; place++, scanned++) {
      const ref = keys.changeAt(place)
      if (ref === undefined) break
      const its = keys.revisionOf(ref)
      if (its > this.#hub.revision()) break
      if (its !== revision) {
        endRevision()
        revision = its
        if (scanned >= SCANNED_PER_TURN || this.#waitingBytes >= this.#hub.limits.waitingBytes) {
          this.#next = its
          return
        }
      }
      if (covers(request, keys.keyOf(ref)) && this.#wants(keys.isDeletion(ref)))
        events.push(new LazyEvent(keys, ref).get(request.previous))
    }
    endRevision()
    this.#next = this.#hub.revision() + 1
    this.#becomeCurrent()
  }

  #wants(isDeletion: boolean): boolean {
    return isDeletion ? this.request.deletes : this.request.puts
  }

  #becomeCurrent(): void {
    this.#state = 'current'
    this.#hub.onCurrent()
  }

  #fallBehindAt(revision: number): void {
    this.#state = 'behind'
    this.#next = revision
    this.#hub.onBehind()
    this.#ready()
  }

  #end(): void {
    if (this.#state === 'current') this.#hub.onBehind()
    this.#state = 'over'
    this.#release(this.#waiting.splice(0))
    this.#hub.onOver()
  }

  #ready(): void {
    if (this.#isReady) return
    this.#isReady = true
    this.#onReady()
  }
}

function bytesOf(events: readonly WatchEvent[]): number {
  let bytes = 0
  for (const { kv, previous } of events) {
    bytes += EVENT_BYTES + kv.key.length + kv.value.length
    if (previous !== undefined) bytes += previous.value.length
  }
  return bytes
}
