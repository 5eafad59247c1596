import type { Clock } from '../clock.js'
import { type Address, type Network, parseAddress } from '../net/network.js'
import type { Member } from '../paxos/membership.js'

/** A member that has said nothing within this time is taken not to answer. */
const PATIENCE_MS = 2000

/** Every server of Synod ends a connection that begins with this. */
const NO_PREAMBLE = new Uint8Array(64)

/** The members at whose addresses a process answers. */
export async function answering(
  members: readonly Member[],
  { clock, network }: { readonly clock: Clock; readonly network: Network },
): Promise<Member[]> {
  const answers = await Promise.all(
    members.map(async ({ address }) => {
      const target = addressOf(address)
      return target !== undefined && (await isAnswering(target, clock, network))
    }),
  )
  return members.filter((_, index) => answers[index])
}

/** Undefined where it is not known where the member listens. */
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
