import { expect } from 'vitest'
import { KvClient } from 'synod-server'

/** How long a request may take while servers come and go. */
const PATIENCE_MS = 60_000

/**
 * Runs `work` while clients increment one counter, each one request at a time. No request may fail,
 * and the counter ends as high as the number of increments that were acknowledged.
 */
export async function underLoad(
  endpoints: readonly string[],
  count: number,
  work: () => Promise<void>,
): Promise<void> {
  const clients = await Promise.all(
    Array.from({ length: count }, () => KvClient.connect({ endpoints, timeoutMs: PATIENCE_MS })),
  )
  let isRunning = true
  let acknowledged = 0n
  const loops = clients.map(async (client) => {
    while (isRunning) {
      await client.increment('n')
      acknowledged++
    }
  })
  try {
    const worked = work()
    // A request that fails ends the wait at once.
    await Promise.race([worked, Promise.all(loops)])
    await worked
    isRunning = false
    await Promise.all(loops)
    expect(BigInt(String(await clients[0]?.get('n')))).toBe(acknowledged)
  } finally {
    isRunning = false
    await Promise.all(clients.map((client) => client.close()))
  }
}
