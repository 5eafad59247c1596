import type { TestReplica } from './processes.js'
import { statusesWhen } from './settled.js'

/** What takes longer than this has failed, however slow the machine is. */
const LONGEST_WAIT_MS = 60_000

/** Resolves when these replicas vote, and nobody else, as all of them see it; and when that has taken force, of those that are new. */
export async function untilVoters(replicas: readonly TestReplica[]): Promise<void> {
  const wanted = replicas.map(({ id }) => `${id} voter`).sort()
  await statusesWhen(
    replicas.map(({ endpoint }) => endpoint),
    LONGEST_WAIT_MS,
    (statuses) =>
      statuses.every(({ members, role }) => {
        const found = members.map((member) => `${member.server} ${member.role}`).sort()
        return role !== 'learner' && String(found) === String(wanted)
      }),
  )
}
