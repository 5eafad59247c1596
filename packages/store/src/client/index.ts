export type { Calls } from './calls.js'
export type { Bytes, Entry, Keys } from './entries.js'
export { Election, type Leadership } from './election.js'
export { StoreError, type StoreErrorCode } from './errors.js'
export { keepTime, type KeepTimeOptions } from './keep-time.js'
export type { Lease, LeaseOptions } from './lease.js'
export {
  type Lock,
  type Page,
  type PutOptions,
  type RangeOptions,
  type ReadOptions,
  StoreClient,
} from './store-client.js'
export { type Committed, type Did, TransactionBuilder, op, when } from './transaction.js'
export type { TurnOptions } from './turn.js'
export type { Change, Changes, WatchOptions } from './watching.js'
