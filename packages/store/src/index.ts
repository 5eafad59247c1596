export type { KeyReader } from './keys/key-reader.js'
export type { ChangeId, FrozenKeys, KeyHistory, KeyRecord, KeySpaceOptions } from './keys/key-space.js'
export type { RecordRef } from './keys/record-heap.js'
export {
  type Key,
  type KeyEvent,
  type KeyValue,
  type LeaseId,
  NO_END,
  keyOf,
  prefixEnd,
} from './keys/key-value.js'
export { MAX_TTL_SECONDS, MIN_TTL_SECONDS } from './leases/leases.js'
export type * from './operations/operations.js'
export { storeCodecs } from './codec/codecs.js'
export { Store } from './store.js'
export { type WatchedStore, WatchHub, type WatchHubOptions } from './watch/watch-hub.js'
export type { WatchNews, WatchRequest, Watcher, WatcherState } from './watch/watcher.js'
