import type { Key, KeyEvent, KeyValue, LeaseId } from '../keys/key-value.js'

/**
 * Keys: `key` alone where `end` is empty, else those from `key` up to but without `end`; an end of
 * one zero byte (`NO_END`) stands for no end.
 */
export interface KeyRange {
  readonly key: Key
  readonly end: Key
}

/** Sets a key. */
export interface Put {
  readonly type: 'put'
  readonly key: Key
  /** `null` keeps the value that the key has: it must be there. */
  readonly value: Uint8Array | null
  /** `null` keeps the lease that the key has: it must be there. 0n takes it off its lease. */
  readonly lease: LeaseId | null
  /** Whether the answer has what was there before. */
  readonly previous: boolean
}

/** Deletes all keys of a range. */
export interface Delete extends KeyRange {
  readonly type: 'delete'
  /** Whether the answer has what was deleted. */
  readonly previous: boolean
}

/** Adds to the decimal integer that a value is; a key that is not there counts as 0. */
export interface Increment {
  readonly type: 'increment'
  readonly key: Key
  readonly by: bigint
}

export type SortTarget = 'key' | 'version' | 'create' | 'mod' | 'value'

/** Reads a range. */
export interface Range extends KeyRange {
  readonly type: 'range'
  /** As of this revision; 0 for the newest. */
  readonly revision: number
  /** At most this many keys, the first ones in the order asked for; 0 for all. */
  readonly limit: number
  readonly sortBy: SortTarget
  readonly descending: boolean
  readonly keysOnly: boolean
  readonly countOnly: boolean
  /** Only keys put in these revisions; 0 for no bound. */
  readonly minModRevision: number
  readonly maxModRevision: number
  /** Only keys created in these revisions; 0 for no bound. */
  readonly minCreateRevision: number
  readonly maxCreateRevision: number
}

export type CompareTarget = 'version' | 'create' | 'mod' | 'value' | 'lease'
export type CompareResult = 'equal' | 'greater' | 'less' | 'not-equal'

/**
 * Holds if all keys of the range do. A key that is not there has version, revisions and lease 0,
 * and no value: no comparison of values holds for it.
 */
export type Compare = KeyRange & { readonly result: CompareResult } & (
    | { readonly target: 'version' | 'create' | 'mod'; readonly operand: number }
    | { readonly target: 'lease'; readonly operand: LeaseId }
    | { readonly target: 'value'; readonly operand: Uint8Array }
  )

/** Does the operations of one of its branches, in one revision. */
export interface Transaction {
  readonly type: 'txn'
  readonly compares: readonly Compare[]
  /** If all of them hold. */
  readonly success: readonly Operation[]
  readonly failure: readonly Operation[]
}

/** What a transaction may do. */
export type Operation = Put | Delete | Increment | Range | Transaction

/** What the log may hold. */
export type Command =
  | Put
  | Delete
  | Increment
  | Transaction
  /** Forgets what was before a revision. */
  | { readonly type: 'compact'; readonly revision: number }
  /** Makes a lease. */
  | { readonly type: 'grant'; readonly lease: LeaseId; readonly ttlSeconds: number }
  /** Ends a lease, and deletes its keys. */
  | { readonly type: 'revoke'; readonly lease: LeaseId }
  /** Has leases live for their whole time again. */
  | { readonly type: 'keep-alive'; readonly leases: readonly LeaseId[] }
  /** Lets time go on: leases end, and compaction comes forward. */
  | { readonly type: 'tick' }
  /** How many bytes keys, values and their history may take. */
  | { readonly type: 'quota'; readonly bytes: number }

export type Query =
  | Range
  /** A transaction that only reads. */
  | Transaction
  | { readonly type: 'lease'; readonly lease: LeaseId; readonly keys: boolean }
  | { readonly type: 'leases' }
  | { readonly type: 'status' }
  | Watch

/** What is to be watched: it is followed, not read, and answered when something has changed. */
export interface Watch extends KeyRange {
  readonly type: 'watch'
  /** Changes of this revision and later ones; 0 for those after the present one. */
  readonly startRevision: number
  /** How many events of the first revision came before. */
  readonly skip: number
  /** Whether events have what was there before. */
  readonly previous: boolean
  readonly puts: boolean
  readonly deletes: boolean
}

/** Why a command or query was refused. Nothing was changed. */
export type Refused =
  | 'compacted'
  | 'future-revision'
  | 'key-not-found'
  | 'empty-key'
  | 'key-too-long'
  | 'duplicate-key'
  | 'too-many-operations'
  | 'too-large'
  | 'not-an-integer'
  | 'out-of-range'
  | 'lease-not-found'
  | 'lease-exists'
  | 'invalid-lease'
  | 'invalid-ttl'
  | 'invalid-quota'
  | 'no-space'
  | 'writes'

export interface PutResult {
  readonly type: 'put'
  readonly previous: KeyValue | undefined
}
export interface DeleteResult {
  readonly type: 'delete'
  readonly deleted: number
  readonly previous: readonly KeyValue[]
}
export interface IncrementResult {
  readonly type: 'increment'
  readonly value: bigint
}
export interface RangeResult {
  readonly type: 'range'
  readonly pairs: readonly KeyValue[]
  /** How many keys the range has, without regard to the limit and the filters. */
  readonly count: number
  /** Whether keys are missing because of the limit. */
  readonly more: boolean
}
export interface TransactionResult {
  readonly type: 'txn'
  readonly succeeded: boolean
  /** Of the operations of the branch that was taken. */
  readonly results: readonly OperationResult[]
}

export type OperationResult = PutResult | DeleteResult | IncrementResult | RangeResult | TransactionResult

/** A change, with what was there before if that was asked for and is not compacted. */
export interface WatchEvent extends KeyEvent {
  readonly previous: KeyValue | undefined
}

export interface WatchAnswer {
  readonly type: 'watch'
  readonly events: readonly WatchEvent[]
  /** Where to go on: everything before that came. */
  readonly startRevision: number
  readonly skip: number
}

export interface LeaseStatus {
  readonly lease: LeaseId
  /** What it was granted; 0 for one that is not there. */
  readonly ttlSeconds: number
  /** How many seconds are left, rounded up; -1 for one that is not there. */
  readonly leftSeconds: number
  readonly keys: readonly Key[]
}

export interface StoreStatus {
  readonly compacted: number
  /** How many keys there are, deleted ones with history included. */
  readonly keys: number
  readonly leases: number
  readonly bytes: number
  readonly quotaBytes: number
  /** Whether writes are refused for want of space. */
  readonly isFull: boolean
  /** Whether time must go on without commands: there are leases, or compaction is under way. */
  readonly needsTicks: boolean
}

/** `revision` is that of the store after the command, or as of the query. */
export type Result = { readonly revision: number } & (
  | OperationResult
  | { readonly type: 'compact' }
  | { readonly type: 'grant'; readonly ttlSeconds: number }
  | { readonly type: 'revoke' }
  /** For each lease the seconds that it has from now on, 0 where it is not there. */
  | { readonly type: 'keep-alive'; readonly ttlSeconds: readonly number[] }
  | { readonly type: 'tick' }
  | { readonly type: 'quota' }
  | { readonly type: 'refused'; readonly reason: Refused }
)

export type Answer = { readonly revision: number } & (
  | RangeResult
  | TransactionResult
  | WatchAnswer
  | ({ readonly type: 'lease' } & LeaseStatus)
  | { readonly type: 'leases'; readonly leases: readonly LeaseId[] }
  | ({ readonly type: 'status' } & StoreStatus)
  | { readonly type: 'refused'; readonly reason: Refused }
)
