import type { Clock } from '../clock.js'
import { type Address, type Network, parseAddress } from '../net/transport/network.js'
import type { Member } from '../paxos/membership.js'
import type { Source } from './sources.js'

/** A member that has said nothing within this time is taken not to answer. */
const PATIENCE_MS = 2000

/** Every server of Synod ends a connection that begins with this. */
const NO_PREAMBLE = new Uint8Array(64)

/**
 * Where a member may listen: by the log, which knows no addresses of founders, and by what the
 * servers were last started with. These may differ, as a server can have been moved by its options
 * alone.
 */
export function addressesOf({ address, server }: Member, sources: readonly Source[]): string[] {
  const given = sources.map(({ identity }) => identity.addresses[server] ?? '')
  return [...new Set([address, ...given])].filter((text) => text !== '')
}

/** The addresses at which a process answers. */
export async function respondingAddresses(
  addresses: readonly string[],
  { clock, network }: { readonly clock: Clock; readonly network: Network },
): Promise<string[]> {
  const answers = await Promise.all(
    addresses.map(async (address) => {
      const target = addressOf(address)
      return target !== undefined && (await isAnswering(target, clock, network))
    }),
  )
  return addresses.filter((_, index) => answers[index])
}

/** Undefined for what cannot be dialled. */
function addressOf(text: string): Address | undefined {
  try {
    return parseAddress(text)
  } catch {
    return undefined
  }
}

function isAnswering(address: Address, clock: Clock, network: Network): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = clock.timer(PATIENCE_MS, () => {
      socket.destroy()
      resolve(false)
    })
    const end = (answered: boolean) => {
      cancel()
      resolve(answered)
    }
    const socket = network.connect(address, {
      data: () => {
        socket.destroy()
        end(true)
      },
      drained: () => undefined,
      closed: (reason) => {
        end(reason === 'ended' || reason === 'reset')
      },
    })
    socket.write(NO_PREAMBLE)
  })
}
