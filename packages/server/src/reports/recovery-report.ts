import type { RecoveryPlan } from 'synod'
import { plural } from '../terminal/output.js'

/** What a recovery found, up to which slot, and what may be lost, as text. */
export function recoveryReport(plan: RecoveryPlan): string {
  const { cluster, last, members, mode, sessions, sources, timeMs } = plan
  const time = timeMs === 0 ? 'no command' : `last command ${new Date(timeMs).toISOString()}`
  return [
    `cluster ${cluster}, ${mode} mode: ${members.map(({ server }) => `s${server}`).join(', ')}`,
    ...sources.map(sourceLine),
    `state up to slot ${last}: ${time}, ${plural(sessions, 'session')}`,
    `  ${parts(plan).join(', ')}`,
    `the new cluster begins above slot ${plan.slot} and ballot ${plan.ballotSeq}`,
    ...lossLines(plan),
    ...members.flatMap(({ answersAt, server }) =>
      answersAt.map((address) => `warning: something answers at ${address}, where s${server} listened`),
    ),
  ].join('\n')
}

function sourceLine({
  directory,
  finding,
  journal,
  lostGroups,
  server,
  snapshot,
}: RecoveryPlan['sources'][number]): string {
  const state = snapshot === 0 ? 'no snapshot' : `snapshot of slot ${snapshot}`
  const damage = lostGroups === 0 ? '' : `; ${plural(lostGroups, 'group')} of records lost`
  return `  s${server} ${directory}: ${state}; journal ${journal}: ${finding}${damage}`
}

function parts({ chosen, holes, snapshot, voted }: RecoveryPlan): string[] {
  return [
    snapshot === 0 ? 'from slot 1 on' : `from the snapshot of slot ${snapshot} on`,
    `${plural(chosen, 'slot')} known to be chosen`,
    `${plural(voted, 'slot')} by the vote with the highest ballot`,
    `${plural(holes, 'slot')} without a vote, filled with no-ops`,
  ]
}

function lossLines({ lost, mayLack, members }: RecoveryPlan): string[] {
  const missing = members
    .filter(({ given, role }) => !given && role === 'voter')
    .map(({ server }) => `s${server}`)
  const voters = members.filter(({ role }) => role === 'voter').length
  const lines: string[] = []
  if (mayLack) {
    const who =
      missing.length === 0
        ? 'the journals are damaged'
        : `${missing.join(' and ')} of ${plural(voters, 'voter')} were not given`
    lines.push(`warning: ${who}: what was acknowledged by servers that are not here may be lost`)
  } else lines.push('every quorum has left a directory here: all that was acknowledged is in it')
  if (lost > 0)
    lines.push(
      `warning: ${plural(lost, 'slot')} were chosen, and their values are in no directory: they are lost`,
    )
  return lines
}
