import { HEADER_BYTES } from 'synod/internal/net/transport/frame.js'
import { PREAMBLE_BYTES } from 'synod/internal/net/transport/preamble.js'
import type { Chance } from '../../chance.js'
import type { ChunkFault } from '../hardware/socket.js'

/** How often a frame is lost, comes twice, or is overtaken by the next. */
export interface FrameFaultRates {
  readonly loss: number
  readonly duplication: number
  readonly reordering: number
}

/** Turns one bit over. */
export function flipBit(chunk: Uint8Array, chance: Chance): Uint8Array {
  const garbled = new Uint8Array(chunk)
  const at = chance.below(garbled.length)
  garbled[at] = (garbled[at] ?? 0) ^ (1 << chance.below(8))
  return garbled
}

/**
 * Loses, doubles and reorders whole frames of one direction of a connection, as often as `rates`
 * says at the moment. The preamble and the handshake pass as they are: what comes before them is no
 * conversation.
 */
export function frameFault(rates: () => FrameFaultRates | undefined, chance: Chance): ChunkFault {
  let rest = Buffer.alloc(0)
  let greeted = 0
  let late: Buffer | undefined
  return (chunk) => {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk])
    const pieces: Buffer[] = []
    for (;;) {
      const size = greeted === 0 ? PREAMBLE_BYTES : sizeOfFrame(rest)
      if (size === undefined || rest.length < size) break
      const piece = rest.subarray(0, size)
      rest = rest.subarray(size)
      const now = greeted < 2 ? undefined : rates()
      greeted++
      if (now === undefined) {
        pieces.push(piece)
      } else {
        if (chance.happens(now.loss)) continue
        if (late === undefined && chance.happens(now.reordering)) {
          late = piece
          continue
        }
        pieces.push(piece)
        if (chance.happens(now.duplication)) pieces.push(piece)
      }
      if (late !== undefined) pieces.push(late)
      late = undefined
    }
    return pieces
  }
}

function sizeOfFrame(bytes: Buffer): number | undefined {
  return bytes.length < HEADER_BYTES ? undefined : HEADER_BYTES + bytes.readUInt32LE(0)
}
