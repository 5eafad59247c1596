import { type ReplicaStatus, connect } from 'synod'

const POLL_MS = 50

/** The statuses of all replicas, once all of them answer and the condition holds. */
export async function statusesWhen(
  endpoints: readonly string[],
  timeoutMs: number,
  holds: (statuses: readonly ReplicaStatus[]) => boolean,
): Promise<ReplicaStatus[]> {
  await using client = connect({ endpoints })
  const endMs = performance.now() + timeoutMs
  for (;;) {
    const answers = await client.status({ timeoutMs: 1000 })
    const statuses = answers.flatMap((answer) => ('status' in answer ? [answer.status] : []))
    if (statuses.length === endpoints.length && holds(statuses)) return statuses
    if (performance.now() > endMs) throw new Error(`it did not come to that: ${JSON.stringify(answers)}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** The statuses of all replicas, once each has executed the same slots. */
export function settledStatuses(endpoints: readonly string[], timeoutMs: number): Promise<ReplicaStatus[]> {
  return statusesWhen(
    endpoints,
    timeoutMs,
    (statuses) => new Set(statuses.map(({ watermarks }) => watermarks.executed)).size === 1,
  )
}
