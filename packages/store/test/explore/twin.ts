import type {
  Answer,
  Command,
  Compare,
  KeyRange,
  KeyValue,
  LeaseId,
  Operation,
  OperationResult,
  Query,
  Range,
  RangeResult,
  Refused,
  Result,
} from '../../src/index.js'

/** What a key became in one revision. */
interface Change {
  readonly key: string
  readonly value: Uint8Array | undefined
  readonly revision: number
  readonly created: number
  readonly version: number
  readonly lease: LeaseId
}

interface TwinLease {
  readonly id: LeaseId
  readonly ttlSeconds: number
  deadlineMs: number
}

const RECORD_BYTES = 64
const MAX_READ_BYTES = 8 << 20
const NOTHING = new Uint8Array(0)

/** Thrown to leave a command that is refused. */
class Refusal extends Error {
  readonly reason: Refused

  constructor(reason: Refused) {
    super(reason)
    this.reason = reason
  }
}

/**
 * The store once more, with lists and loops and no index: slow, and plain enough to be believed. It
 * has no quota.
 */
export class Twin {
  /**
   * What can still be read, in its order, with the changes of the command that is being executed.
   */
  #changes: Change[] = []
  /** All changes there ever were. */
  readonly #history: Change[] = []
  readonly #leases: TwinLease[] = []
  #revision = 1
  #compacted = 0
  #nowMs = 0
  #stampMs = 0

  get revision(): number {
    return this.#revision
  }

  get compacted(): number {
    return this.#compacted
  }

  /** All changes from a revision on. */
  changesFrom(revision: number): readonly Change[] {
    return this.#history.filter((change) => change.revision >= revision)
  }

  /** What a key was ahead of a revision, compacted or not. */
  before(key: string, revision: number): KeyValue | undefined {
    return pairAt(this.#history, key, revision - 1)
  }

  apply(command: Command, timeMs: number): Result {
    const gap = this.#stampMs === 0 ? 0 : timeMs - this.#stampMs
    this.#nowMs += gap > 1000 ? 500 : gap
    this.#stampMs = timeMs
    this.#endLeases()
    let result: object
    try {
      result = this.#execute(command)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      result = { type: 'refused', reason: error.reason }
    }
    return { ...result, revision: this.#revision } as Result
  }

  query(query: Query): Answer {
    let answer: object
    try {
      answer = this.#answer(query)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      answer = { type: 'refused', reason: error.reason }
    }
    return { ...answer, revision: this.#revision } as Answer
  }

  #answer(query: Query): object {
    if (query.type === 'range' || query.type === 'txn') {
      checkShape(query)
      for (const each of leaves(this.#taken(query, this.#revision))) {
        if (each.type !== 'range') throw new Refusal('writes')
        this.#checkRevision(each.revision)
      }
      return this.#perform(this.#taken(query, this.#revision), this.#revision)
    }
    if (query.type === 'leases') return { type: 'leases', leases: this.#leases.map(({ id }) => id) }
    if (query.type === 'lease') {
      const lease = this.#leases.find(({ id }) => id === query.lease)
      if (lease === undefined)
        return { type: 'lease', lease: query.lease, ttlSeconds: 0, leftSeconds: -1, keys: [] }
      const leftSeconds = Math.max(0, Math.ceil((lease.deadlineMs - this.#nowMs) / 1000))
      const keys = query.keys ? this.#keysOf(lease.id) : []
      return { type: 'lease', lease: lease.id, ttlSeconds: lease.ttlSeconds, leftSeconds, keys }
    }
    throw new Error(`the twin has no ${query.type}`)
  }

  #execute(command: Command): object {
    switch (command.type) {
      case 'compact':
        if (command.revision > this.#revision) throw new Refusal('future-revision')
        if (command.revision <= this.#compacted) throw new Refusal('compacted')
        this.#compacted = command.revision
        this.#forget()
        return { type: 'compact' }
      case 'grant': {
        const { lease, ttlSeconds } = command
        if (lease < 1n || lease >= 2n ** 63n) throw new Refusal('invalid-lease')
        if (ttlSeconds > 9e9) throw new Refusal('invalid-ttl')
        if (this.#leases.some(({ id }) => id === lease)) throw new Refusal('lease-exists')
        const given = Math.max(2, ttlSeconds)
        this.#leases.push({ id: lease, ttlSeconds: given, deadlineMs: this.#nowMs + given * 1000 })
        return { type: 'grant', ttlSeconds: given }
      }
      case 'revoke':
        if (!this.#leases.some(({ id }) => id === command.lease)) throw new Refusal('lease-not-found')
        this.#end([command.lease])
        return { type: 'revoke' }
      case 'keep-alive':
        return {
          type: 'keep-alive',
          ttlSeconds: command.leases.map((id) => {
            const lease = this.#leases.find((each) => each.id === id)
            if (lease === undefined) return 0
            lease.deadlineMs = this.#nowMs + lease.ttlSeconds * 1000
            return lease.ttlSeconds
          }),
        }
      case 'tick':
        return { type: 'tick' }
      case 'quota':
        return { type: 'quota' }
      case 'put':
      case 'delete':
      case 'increment':
      case 'txn':
        return this.#change(command)
    }
  }

  #change(operation: Operation): object {
    checkShape(operation)
    const taken = this.#taken(operation, this.#revision)
    for (const each of leaves(taken)) this.#check(each)
    let bytes = 0
    for (const each of leaves(taken)) bytes += this.#readBytes(each)
    if (bytes > MAX_READ_BYTES) throw new Refusal('too-large')
    const result = this.#perform(taken, this.#revision + 1)
    this.#commit()
    return result
  }

  /** Keeps what can still be read or watched: the last change of each key, and those since. */
  #forget(): void {
    this.#changes = this.#changes.filter(
      ({ key, revision }, index) =>
        revision >= this.#compacted ||
        !this.#changes.some(
          (later, at) => at > index && later.key === key && later.revision <= this.#compacted,
        ),
    )
  }

  #commit(): void {
    this.#history.push(...this.#changes.filter(({ revision }) => revision > this.#revision))
    this.#revision = this.#history.at(-1)?.revision ?? this.#revision
  }

  /** The operation without the branches that are not taken. */
  #taken(operation: Operation, revision: number): Taken {
    if (operation.type !== 'txn') return operation
    const succeeded = operation.compares.every((compare) => this.#holds(compare, revision))
    const branch = succeeded ? operation.success : operation.failure
    return { type: 'taken', succeeded, operations: branch.map((each) => this.#taken(each, revision)) }
  }

  #check(operation: Exclude<Operation, { type: 'txn' }>): void {
    if (operation.type === 'range') this.#checkRevision(operation.revision)
    if (operation.type === 'increment') this.#sum(operation.key, operation.by)
    if (operation.type !== 'put') return
    const before = this.at(operation.key, this.#revision)
    if ((operation.value === null || operation.lease === null) && before === undefined)
      throw new Refusal('key-not-found')
    const { lease } = operation
    if (lease !== null && lease !== 0n && !this.#leases.some(({ id }) => id === lease))
      throw new Refusal('lease-not-found')
  }

  #checkRevision(revision: number): void {
    if (revision > this.#revision) throw new Refusal('future-revision')
    if (revision !== 0 && revision < this.#compacted) throw new Refusal('compacted')
  }

  #readBytes(operation: Exclude<Operation, { type: 'txn' }>): number {
    const sizeOf = ({ key, value }: KeyValue) => RECORD_BYTES + key.length + value.length
    let pairs: readonly KeyValue[] = []
    if (operation.type === 'range') ({ pairs } = this.#range(operation, this.#revision))
    else if (operation.type === 'delete' && operation.previous) pairs = this.#all(operation, this.#revision)
    else if (operation.type === 'put' && operation.previous) {
      const before = this.at(operation.key, this.#revision)
      if (before === undefined) return RECORD_BYTES
      pairs = [before]
    }
    return pairs.reduce((sum, pair) => sum + sizeOf(pair), 0)
  }

  #perform(taken: Taken, revision: number): OperationResult {
    switch (taken.type) {
      case 'taken': {
        const results = taken.operations.map((each) => this.#perform(each, revision))
        return { type: 'txn', succeeded: taken.succeeded, results }
      }
      case 'range':
        return this.#range(taken, revision)
      case 'put': {
        const { key } = taken
        const before = this.at(key, revision)
        this.#put(key, taken.value ?? before?.value ?? NOTHING, taken.lease ?? before?.lease ?? 0n)
        return { type: 'put', previous: taken.previous ? before : undefined }
      }
      case 'delete': {
        const pairs = this.#all(taken, revision)
        for (const { key } of pairs) this.#delete(key)
        return { type: 'delete', deleted: pairs.length, previous: taken.previous ? pairs : [] }
      }
      case 'increment': {
        const value = this.#sum(taken.key, taken.by)
        const lease = this.at(taken.key, revision)?.lease ?? 0n
        this.#put(taken.key, Buffer.from(value.toString()), lease)
        return { type: 'increment', value }
      }
    }
  }

  #put(key: string, value: Uint8Array, lease: LeaseId): void {
    const revision = this.#revision + 1
    const before = this.at(key, revision)
    const created = before?.createRevision ?? revision
    const version = (before?.version ?? 0) + 1
    this.#changes.push({ key, value: new Uint8Array(value), revision, created, version, lease })
  }

  #delete(key: string): void {
    const revision = this.#revision + 1
    this.#changes.push({ key, value: undefined, revision, created: 0, version: 0, lease: 0n })
  }

  #sum(key: string, by: bigint): bigint {
    const before = this.at(key, this.#revision + 1)
    const text = before === undefined ? '0' : Buffer.from(before.value).toString('latin1')
    if (!/^-?\d{1,101}$/.test(text) || text.length > 101) throw new Refusal('not-an-integer')
    if (digitsOf(BigInt(text)) > 100) throw new Refusal('not-an-integer')
    const sum = BigInt(text) + by
    if (digitsOf(sum) > 100) throw new Refusal('out-of-range')
    return sum
  }

  /** The key at a revision, what the present command did included. */
  at(key: string, revision: number): KeyValue | undefined {
    return pairAt(this.#changes, key, revision)
  }

  /** All keys at a revision. */
  all(revision: number): KeyValue[] {
    return this.#all({ key: '', end: '\0' }, revision)
  }

  #all(range: KeyRange, revision: number): KeyValue[] {
    const keys = new Set(this.#changes.map(({ key }) => key))
    return [...keys]
      .filter((key) => isIn(range, key))
      .sort()
      .map((key) => this.at(key, revision))
      .filter((pair) => pair !== undefined)
  }

  #range(range: Range, revision: number): RangeResult {
    const all = this.#all(range, range.revision === 0 ? revision : range.revision)
    if (range.countOnly) return { type: 'range', pairs: [], count: all.length, more: false }
    let pairs = all.filter(
      ({ createRevision, modRevision }) =>
        modRevision >= range.minModRevision &&
        (range.maxModRevision === 0 || modRevision <= range.maxModRevision) &&
        createRevision >= range.minCreateRevision &&
        (range.maxCreateRevision === 0 || createRevision <= range.maxCreateRevision),
    )
    const { sortBy } = range
    const fieldOf = (pair: KeyValue) =>
      sortBy === 'version' ? pair.version : sortBy === 'create' ? pair.createRevision : pair.modRevision
    if (sortBy === 'value') pairs.sort((a, b) => Buffer.compare(a.value, b.value))
    else if (sortBy !== 'key') pairs.sort((a, b) => fieldOf(a) - fieldOf(b))
    if (range.descending) pairs.reverse()
    const more = range.limit > 0 && pairs.length > range.limit
    if (more) pairs = pairs.slice(0, range.limit)
    if (range.keysOnly) pairs = pairs.map((pair) => ({ ...pair, value: NOTHING }))
    return { type: 'range', pairs, count: all.length, more }
  }

  #holds(compare: Compare, revision: number): boolean {
    const pairs = this.#all(compare, revision)
    if (pairs.length === 0 && compare.target === 'value') return false
    const absent = { version: 0, createRevision: 0, modRevision: 0, lease: 0n, value: NOTHING, key: '' }
    return (pairs.length === 0 ? [absent] : pairs).every((pair) => {
      const order = orderOf(pair, compare)
      const results = { equal: order === 0, greater: order > 0, less: order < 0, 'not-equal': order !== 0 }
      return results[compare.result]
    })
  }

  #keysOf(lease: LeaseId): string[] {
    return this.#all({ key: '', end: '\0' }, this.#revision)
      .filter((pair) => pair.lease === lease)
      .map(({ key }) => key)
  }

  #endLeases(): void {
    const beginsMs = (deadlineMs: number) => Math.ceil((deadlineMs + 1000) / 500) * 500
    const due = this.#leases
      .filter(({ deadlineMs }) => beginsMs(deadlineMs) <= Math.floor(this.#nowMs / 500) * 500)
      .sort((a, b) => a.deadlineMs - b.deadlineMs || (a.id < b.id ? -1 : 1))
    const ended: LeaseId[] = []
    let keys = 0
    for (const { id } of due) {
      keys += this.#keysOf(id).length + 1
      if (ended.length > 0 && keys > 1000) break
      ended.push(id)
    }
    this.#end(ended)
  }

  #end(ids: readonly LeaseId[]): void {
    for (const id of ids) {
      for (const key of this.#keysOf(id)) this.#delete(key)
      this.#leases.splice(
        this.#leases.findIndex((lease) => lease.id === id),
        1,
      )
    }
    this.#commit()
  }
}

type Taken =
  | Exclude<Operation, { type: 'txn' }>
  | { readonly type: 'taken'; readonly succeeded: boolean; readonly operations: readonly Taken[] }

function leaves(taken: Taken): Exclude<Operation, { type: 'txn' }>[] {
  return taken.type === 'taken' ? taken.operations.flatMap(leaves) : [taken]
}

function pairAt(changes: readonly Change[], key: string, revision: number): KeyValue | undefined {
  const last = changes.findLast((change) => change.key === key && change.revision <= revision)
  if (last?.value === undefined) return undefined
  const { created, lease, value, version } = last
  return { key, value, createRevision: created, modRevision: last.revision, version, lease }
}

function isIn({ end, key: first }: KeyRange, key: string): boolean {
  if (end === '') return key === first
  return key >= first && (end === '\0' || key < end)
}

function orderOf(pair: KeyValue, compare: Compare): number {
  switch (compare.target) {
    case 'version':
      return pair.version - compare.operand
    case 'create':
      return pair.createRevision - compare.operand
    case 'mod':
      return pair.modRevision - compare.operand
    case 'lease':
      return Number(pair.lease - compare.operand)
    case 'value':
      return Buffer.compare(pair.value, compare.operand)
  }
}

/** Throws a Refusal for what cannot be done on any state. */
function checkShape(operation: Operation): void {
  checkKeys(operation, 128)
  if (operation.type !== 'txn') return
  for (const branch of [operation.success, operation.failure]) checkDuplicates(branch)
}

function checkKeys(operation: Operation, budget: number): void {
  const checkKey = (key: string) => {
    if (key === '') throw new Refusal('empty-key')
    if (key.length > 65_535) throw new Refusal('key-too-long')
  }
  if (operation.type !== 'txn') {
    checkKey(operation.key)
    return
  }
  const { compares, failure, success } = operation
  const largest = Math.max(compares.length, success.length, failure.length)
  if (largest > budget) throw new Refusal('too-many-operations')
  for (const { key } of compares) checkKey(key)
  for (const each of [...success, ...failure]) checkKeys(each, budget - largest)
}

/** Every way through a branch: what it puts, and what it deletes. Few enough in tests. */
function waysThrough(operations: readonly Operation[]): { puts: string[]; deletes: KeyRange[] }[] {
  let ways: { puts: string[]; deletes: KeyRange[] }[] = [{ puts: [], deletes: [] }]
  for (const operation of operations) {
    if (operation.type === 'put' || operation.type === 'increment')
      for (const way of ways) way.puts.push(operation.key)
    else if (operation.type === 'delete') for (const way of ways) way.deletes.push(operation)
    else if (operation.type === 'txn') {
      const inner = [...waysThrough(operation.success), ...waysThrough(operation.failure)]
      ways = ways.flatMap((way) =>
        inner.map(({ deletes, puts }) => ({
          puts: [...way.puts, ...puts],
          deletes: [...way.deletes, ...deletes],
        })),
      )
    }
  }
  return ways
}

function checkDuplicates(operations: readonly Operation[]): void {
  for (const { deletes, puts } of waysThrough(operations)) {
    if (new Set(puts).size < puts.length) throw new Refusal('duplicate-key')
    if (puts.some((key) => deletes.some((range) => isIn(range, key)))) throw new Refusal('duplicate-key')
  }
}

function digitsOf(value: bigint): number {
  return value.toString().replace('-', '').length
}
