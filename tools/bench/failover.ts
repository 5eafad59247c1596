import { connect } from 'synod'
import { kvCodecs } from 'synod-server'
import { settledLeader } from './settled-leader.js'
import { startSynod } from './systems.js'

const VALUE = Buffer.alloc(256, 'v')
const SETTLED_SLOTS = 50

/**
 * Kills the leader again and again under a steady write load, one write at a time. Gives back, for
 * each time, the milliseconds from SIGKILL to the first acknowledgement of a write that began after
 * it.
 */
export async function measureFailovers(
  times: number,
  directory: string,
  progress: (text: string) => void,
): Promise<number[]> {
  const cluster = await startSynod('leader', directory)
  const client = connect({ endpoints: cluster.endpoints, codecs: kvCodecs, timeoutMs: 30_000 })
  const write = () => client.execute({ type: 'put', key: 'failover', value: VALUE })
  const results: number[] = []
  try {
    for (let i = 0; i < times; i++) {
      progress(`failover ${i + 1} of ${times}`)
      for (let n = 0; n < SETTLED_SLOTS; n++) await write()
      const leader = await settledLeader(cluster.endpoints)
      const killedMs = performance.now()
      cluster.servers[leader - 1]?.child.kill('SIGKILL')
      await write()
      results.push(performance.now() - killedMs)
      await cluster.servers[leader - 1]?.stop('SIGKILL')
      await cluster.startServer(leader)
    }
  } finally {
    await client.close()
    await cluster.stop()
  }
  return results
}
