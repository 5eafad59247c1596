import type { AnyMachine, Client, ReplicaStatus } from 'synod'

const ASK_AGAIN_MS = 20

/** Those of the servers that answer. */
export async function statusesOf(client: Client<AnyMachine>, timeoutMs = 1000): Promise<ReplicaStatus[]> {
  const answers = await client.status({ timeoutMs })
  return answers.flatMap((answer) => ('status' in answer ? [answer.status] : []))
}

/** Waits until the statuses of the servers that answer are as wanted. */
export async function statusesWhen(
  client: Client<AnyMachine>,
  holds: (statuses: readonly ReplicaStatus[]) => boolean,
): Promise<ReplicaStatus[]> {
  for (;;) {
    const statuses = await statusesOf(client, 5000)
    if (statuses.length > 0 && holds(statuses)) return statuses
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS))
  }
}
