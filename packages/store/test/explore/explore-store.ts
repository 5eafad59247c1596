import { Chance } from '../../../testing/src/chance.js'
import { type FrozenKeys, type KeyValue, Store, storeCodecs } from '../../src/index.js'
import { Draw } from './draw.js'
import { Follower, streamOf } from './follower.js'
import { same, shownOf } from './same.js'
import { Twin } from './twin.js'

/** Small blocks and pages: records move, and pages go, all the time. */
const OPTIONS = { blockBytes: 1024, pageRecords: 16 }

/** A view that is read later, and what it must show. */
interface Frozen {
  readonly keys: FrozenKeys
  readonly pairs: readonly KeyValue[]
}

export interface ExploredStore {
  readonly operations: number
  readonly revision: number
}

/**
 * Does random operations on a store and on its twin, and compares all that can be seen of them. The
 * store is replaced by one that was restored from its snapshot now and then, and another replica
 * with watchers follows it.
 */
export async function exploreStore(seed: number, operations: number): Promise<ExploredStore> {
  const chance = new Chance(seed)
  const draw = new Draw(chance.fork())
  const twin = new Twin()
  let store = new Store(OPTIONS)
  const follower = new Follower(new Store(OPTIONS), twin, draw, chance.fork())
  let frozen: Frozen | undefined
  let timeMs = 1_000_000
  for (let count = 0; count < operations; count++) {
    timeMs += chance.happens(0.02) ? chance.below(5000) : chance.below(300)
    const bounds = { revision: twin.revision, compacted: twin.compacted }
    const command = draw.command(bounds)
    const decoded = storeCodecs.command.decode(storeCodecs.command.encode(command))
    same('a command and its encoding', decoded, command)
    const result = store.apply(decoded, { timeMs })
    same(shownOf(command), result, twin.apply(command, timeMs))
    await follower.apply(command, timeMs, () => store.snapshot())
    same('a result and its encoding', storeCodecs.result.decode(storeCodecs.result.encode(result)), result)

    const query = draw.query({ revision: twin.revision, compacted: twin.compacted })
    const answer = store.query(storeCodecs.query.decode(storeCodecs.query.encode(query)))
    same(shownOf(query), answer, twin.query(query))
    same('an answer and its encoding', storeCodecs.answer.decode(storeCodecs.answer.encode(answer)), answer)

    if (chance.happens(0.02)) checkHistory(store, twin, chance)
    if (frozen !== undefined && chance.happens(0.05)) {
      checkFrozen(frozen)
      frozen = undefined
    }
    if (frozen === undefined && chance.happens(0.05)) frozen = freeze(store, twin)
    if (chance.happens(0.02)) store = await restored(store, chance)
  }
  await follower.end(() => store.snapshot())
  const [first, second] = [store, follower.store].map((each) => Buffer.concat([...each.snapshot()]))
  same('two replicas', first, second)
  return { operations, revision: twin.revision }
}

/** Every change since some revision, as a watcher would get it. */
function checkHistory({ keys }: Store, twin: Twin, chance: Chance): void {
  const from = keys.compacted + chance.below(keys.revision - keys.compacted + 2)
  const expected = twin.changesFrom(Math.max(from, 1)).filter(({ revision }) => revision >= keys.compacted)
  const seen: object[] = []
  for (let place = keys.placeOf(from); place < keys.end; place++) {
    const ref = keys.changeAt(place)
    if (ref === undefined) throw new Error(`no change at ${place}`)
    const { kv, type } = keys.eventOf(ref)
    const { createRevision, key, lease, modRevision, version } = kv
    const value = type === 'delete' ? undefined : kv.value
    seen.push({ key, value, revision: modRevision, created: createRevision, version, lease })
    const before = keys.before(ref)
    const isKept = modRevision - 1 >= keys.compacted
    same('what was before', before, isKept ? twin.at(key, modRevision - 1) : undefined)
  }
  same(`the changes from revision ${from} on`, seen, expected)
}

function freeze(store: Store, twin: Twin): Frozen {
  return { keys: store.freeze(), pairs: twin.all(twin.revision) }
}

function checkFrozen({ keys, pairs }: Frozen): void {
  const { reader, revision } = keys
  const seen = [...reader.range('\0', '\0', revision)].map((ref) => reader.keyValue(ref))
  same('the keys of a view', seen, pairs)
  keys.close()
}

/** The store, or one that its snapshot was put into; both must go on alike. */
async function restored(store: Store, chance: Chance): Promise<Store> {
  const chunks = [...store.snapshot()].map((chunk) => Buffer.from(chunk))
  const copy = new Store(OPTIONS)
  await copy.restore(streamOf(chunks))
  same('two snapshots', Buffer.concat([...copy.snapshot()]), Buffer.concat(chunks))
  same('the bytes in use', copy.keys.bytes, store.keys.bytes)
  return chance.happens(0.5) ? copy : store
}
