import { SynodError } from '../../errors.js'
import type { Slot } from '../../paxos/ballot.js'
import type { SnapshotPiece } from './messages.js'

/** A snapshot on its way: iterated once, it gives all of its bytes in order. */
export interface SavedSnapshot extends AsyncIterable<Uint8Array> {
  /** It holds the state after every slot up to this one. */
  readonly slot: Slot
  readonly sizeBytes: number
}

/**
 * Asks for the pieces one after the other: the first with slot 0, the others of the snapshot that
 * came.
 */
export async function savedSnapshot(
  piece: (slot: Slot, offset: number) => Promise<SnapshotPiece>,
): Promise<SavedSnapshot> {
  const first = await piece(0, 0)
  const { sizeBytes, slot } = first
  return { slot, sizeBytes, [Symbol.asyncIterator]: () => piecesOf(first, piece) }
}

async function* piecesOf(
  first: SnapshotPiece,
  piece: (slot: Slot, offset: number) => Promise<SnapshotPiece>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { sizeBytes, slot } = first
  let offset = 0
  for (let next = first; ; next = await piece(slot, offset)) {
    offset += next.bytes.length
    if (next.slot !== slot || next.sizeBytes !== sizeBytes || next.bytes.length === 0 || offset > sizeBytes)
      throw new SynodError('wrong-protocol', `a piece of another snapshot than that of slot ${slot} came`)
    yield next.bytes
    if (offset === sizeBytes) return
  }
}
