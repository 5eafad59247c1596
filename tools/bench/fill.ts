import { connect } from 'synod'
import { kvCodecs } from 'synod-server'

const CLIENTS = 4
const IN_FLIGHT = 128
export const VALUE_BYTES = 16

export interface Filling {
  readonly endpoints: readonly string[]
  /** How many different keys there are in all. */
  readonly keys: number
  /** How many keys were written before; none unless given. */
  readonly from?: number
  readonly valueBytes?: number
  /** Given how many have begun. */
  readonly goesOn: (count: number) => boolean
  /** Calls `put` once, and may look at what that takes. */
  readonly around?: (put: () => Promise<unknown>, count: number) => Promise<unknown>
}

/** Writes one key after the other, in an order that jumps about, with many under way. */
export async function fill({
  around = (put) => put(),
  endpoints,
  from = 0,
  goesOn,
  keys,
  valueBytes = VALUE_BYTES,
}: Filling): Promise<void> {
  let count = from
  const value = Buffer.alloc(valueBytes, 'v')
  const clients = Array.from({ length: CLIENTS }, () =>
    connect({ endpoints, codecs: kvCodecs, timeoutMs: 60_000 }),
  )
  const writer = async (client: (typeof clients)[number]) => {
    while (goesOn(count)) {
      const key = `key/${String((count++ * 7_919) % keys).padStart(9, '0')}`
      await around(() => client.execute({ type: 'put', key, value }), count)
    }
  }
  await Promise.all(clients.flatMap((client) => Array.from({ length: IN_FLIGHT }, () => writer(client))))
  await Promise.all(clients.map((client) => client.close()))
}
