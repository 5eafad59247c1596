import { connect } from 'synod'
import { kvCodecs } from 'synod-server'
import { statusesOf } from './statuses.js'

const ASK_AGAIN_MS = 20

/**
 * Waits until all servers are up, follow one leader and have executed the same. Returns the leader.
 */
export async function settledLeader(endpoints: readonly string[]): Promise<number> {
  await using client = connect({ endpoints, codecs: kvCodecs })
  for (;;) {
    const statuses = await statusesOf(client)
    const [first] = statuses
    const settled =
      statuses.length === endpoints.length &&
      statuses.every(
        ({ watermarks, leader }) =>
          leader === first?.leader && watermarks.executed === first.watermarks.executed,
      )
    if (settled && first !== undefined && first.leader !== null) return first.leader
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS))
  }
}
