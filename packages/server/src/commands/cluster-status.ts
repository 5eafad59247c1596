import { setTimeout as sleep } from 'node:timers/promises'
import type { AnyMachine, Client, EndpointStatus, MemberStatus, ReplicaStatus } from 'synod'

/** How often the status is asked for until all endpoints are connected. */
const POLL_MS = 10

/** The statuses when all endpoints have answered, or after `timeoutMs`. */
export async function firstStatuses(
  client: Client<AnyMachine>,
  timeoutMs: number,
): Promise<EndpointStatus[]> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const statuses = await client.status({ timeoutMs })
    if (performance.now() >= deadline || statuses.every((answer) => 'status' in answer)) return statuses
    await sleep(POLL_MS)
  }
}

/** Throws the first error if none answered. */
export function requireAnswer(statuses: readonly EndpointStatus[]): void {
  const [first] = statuses
  if (first !== undefined && 'error' in first && statuses.every((answer) => 'error' in answer))
    throw first.error
}

/** The replicas that answered; first the one that knows the most slots to be chosen. */
export function answered(statuses: readonly EndpointStatus[]): ReplicaStatus[] {
  return statuses
    .flatMap((answer) => ('status' in answer ? [answer.status] : []))
    .sort((a, b) => b.watermarks.chosen - a.watermarks.chosen)
}

/** The members by id, from the most advanced replica that knows them. */
export function membersOf(statuses: readonly ReplicaStatus[]): MemberStatus[] {
  const members = statuses.find((status) => status.members.length > 0)?.members ?? []
  // The address of a founder is known only to servers that have it in their options.
  const addresses = new Map(
    statuses
      .flatMap((status) => [...status.members])
      .filter(({ address }) => address !== '')
      .map(({ address, server }) => [server, address]),
  )
  return members
    .map((member) => ({ ...member, address: addresses.get(member.server) ?? '' }))
    .sort((a, b) => a.server - b.server)
}
