import type { Disk } from '../storage/disk.js'
import {
  type Frame,
  MAX_HEADER_BYTES,
  type SnapshotHeader,
  type SnapshotFilePart,
  SnapshotFault,
  decodeSnapshotHeader,
  readFrame,
} from './format.js'

/** How much is read from the disk at once. */
const READ_BYTES = 1 << 18

export async function readHeader(disk: Disk, path: string): Promise<SnapshotHeader & { sizeBytes: number }> {
  return decodeSnapshotHeader(await disk.readPart(path, 0, MAX_HEADER_BYTES))
}

/**
 * The parts of a snapshot, in order, each checked. Ends only if nothing is missing; throws a
 * SnapshotFault otherwise.
 */
export async function* readParts(
  disk: Disk,
  path: string,
): AsyncGenerator<SnapshotFilePart, void, undefined> {
  let { sizeBytes: position } = await readHeader(disk, path)
  let rest: Buffer = Buffer.alloc(0)
  let frames = 0
  for (;;) {
    const found = readFrame(rest)
    if (found === undefined) {
      const more = await disk.readPart(path, position, READ_BYTES)
      if (more.length === 0) throw new SnapshotFault('it ends too early')
      position += more.length
      rest = rest.length === 0 ? more : Buffer.concat([rest, more])
      continue
    }
    rest = rest.subarray(found.sizeBytes)
    if (found.frame.kind !== 'end') {
      frames++
      yield found.frame
      continue
    }
    await checkEnd(disk, path, found.frame, { frames, left: rest.length, position })
    return
  }
}

async function checkEnd(
  disk: Disk,
  path: string,
  end: Extract<Frame, { kind: 'end' }>,
  { frames, left, position }: { readonly frames: number; readonly left: number; readonly position: number },
): Promise<void> {
  if (end.frames !== frames) throw new SnapshotFault(`${frames} of its ${end.frames} parts are there`)
  if (left > 0 || (await disk.readPart(path, position, 1)).length > 0)
    throw new SnapshotFault('something follows its end')
}
