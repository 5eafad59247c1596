import { type ReplicaStatus, connect } from 'synod'

const POLL_MS = 50

/** The statuses of all replicas, once each has executed the same slots. */
export async function settledStatuses(
  endpoints: readonly string[],
  timeout_ms: number,
): Promise<ReplicaStatus[]> {
  await using client = await connect({ endpoints })
  const end_ms = performance.now() + timeout_ms
  for (;;) {
    const answers = await client.status({ timeout_ms: 1000 })
    const statuses = answers.flatMap((answer) => ('status' in answer ? [answer.status] : []))
    const executed = new Set(statuses.map(({ bars }) => bars.executed))
    if (statuses.length === endpoints.length && executed.size === 1) return statuses
    if (performance.now() > end_ms) throw new Error(`not settled: ${JSON.stringify(answers)}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}
