import { expect } from 'vitest'
import type { TestReplica } from './processes.js'
import { statusesWhen } from './settled.js'
import type { Exit } from './synod-process.js'

/** What takes longer than this has failed, however slow the machine is. */
const LONGEST_WAIT_MS = 60_000

/**
 * Resolves when these replicas vote, and no others, as all of them see it; and when that has taken
 * force, of the new ones.
 */
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

/** How the process of a server ends that is not a member any more. */
export function expectRemoved({ code, stderr, stdout }: Exit, id: number): void {
  expect({ code, stdout }, stderr).toEqual({
    code: 0,
    stdout: expect.stringMatching(
      new RegExp(`^removed s${id} is not a member of cluster test any more; `, 'm'),
    ),
  })
}
