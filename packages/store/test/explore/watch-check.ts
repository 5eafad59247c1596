import type { KeyValue, Store, WatchEvent } from '../../src/index.js'
import type { WatchNews, WatchRequest, Watcher } from '../../src/watch/watcher.js'
import { same } from './same.js'
import type { Twin } from './twin.js'

/**
 * What a watcher is given, checked against what the twin knows: ordered, unique, atomic, without a
 * gap, with the right values before, and nothing that was not asked for.
 */
export class WatchCheck {
  readonly #watcher: Watcher
  readonly #request: WatchRequest
  readonly #store: Store
  readonly #twin: Twin
  /** Events of this revision and later are yet to come. */
  #next: number
  #isOver = false

  /** `store` is the one that is watched; `twin` may be ahead of it. */
  constructor(watcher: Watcher, store: Store, twin: Twin) {
    this.#watcher = watcher
    this.#request = watcher.request
    this.#store = store
    this.#twin = twin
    const { startRevision } = watcher.request
    this.#next = startRevision === 0 ? store.keys.revision + 1 : startRevision
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Takes what is there, at most this many times. */
  take(most: number): void {
    for (let count = 0; count < most && !this.#isOver; count++) {
      const news = this.#watcher.take()
      if (news === undefined) {
        this.#checkProgress()
        return
      }
      if (news !== 'later') this.#check(news)
    }
  }

  cancel(): void {
    this.#watcher.cancel()
    this.#isOver = true
    if (this.#watcher.take() !== undefined) throw new Error('news after the end')
  }

  #check(news: WatchNews): void {
    if (news.type === 'compacted') {
      this.#isOver = true
      if (news.compacted !== this.#store.keys.compacted || this.#next >= news.compacted)
        throw new Error(`cancelled at ${news.compacted}, though ${this.#next} is next`)
      return
    }
    if (news.events.length === 0) throw new Error('news without events')
    if (news.revision > this.#store.keys.revision) throw new Error('news of a revision that is not there')
    same('events', news.events.map(withoutPrevious), this.#expected(news.revision))
    for (const event of news.events) this.#checkPrevious(event)
    this.#next = news.revision + 1
  }

  /** It is right; missing only if it was not asked for, or is compacted. */
  #checkPrevious({ kv, previous }: WatchEvent): void {
    const before = this.#twin.before(kv.key, kv.modRevision)
    if (!this.#request.previous) same('a value that was not asked for', previous, undefined)
    else if (previous !== undefined || kv.modRevision - 1 >= this.#store.keys.compacted)
      same('the value before', previous, before)
  }

  /** Nothing is waiting: so a watcher that is current has got everything. */
  #checkProgress(): void {
    const revision = this.#watcher.progress()
    if (revision === undefined) return
    same('what a watcher missed', this.#expected(revision), [])
    same('the revision of progress', revision, this.#store.keys.revision)
  }

  /** Up to this revision. */
  #expected(revision: number): object[] {
    const { deletes, end, key: first, puts } = this.#request
    return this.#twin
      .changesFrom(this.#next)
      .filter((change) => change.revision <= revision && (change.value === undefined ? deletes : puts))
      .filter(({ key }) => (end === '' ? key === first : key >= first && (end === '\0' || key < end)))
      .map(({ created, key, lease, revision: modRevision, value, version }) => ({
        type: value === undefined ? 'delete' : 'put',
        kv: { key, value: value ?? Buffer.of(), createRevision: created, modRevision, version, lease },
      }))
  }
}

function withoutPrevious({ kv, type }: WatchEvent): { readonly type: string; readonly kv: KeyValue } {
  return { type, kv }
}
