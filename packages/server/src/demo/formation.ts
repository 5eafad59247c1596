import { setTimeout as sleep } from 'node:timers/promises'
import { Client, type EndpointStatus } from 'synod'
import type { ReplicaProcess } from './replica-process.js'

const POLL_MS = 50

/**
 * Waits until all replicas listen, have formed the cluster and, in leader mode, know the leader.
 * Tells `progress` what it waits for. Resolves with the id of the leader; null in leaderless mode.
 */
export async function formation(
  processes: readonly ReplicaProcess[],
  signal: AbortSignal,
  progress: (waitingFor: string) => void,
): Promise<number | null> {
  const reportStarting = () => {
    const starting = processes.filter(({ isReady }) => !isReady)
    progress(`waiting for ${starting.map(({ replica }) => replica.name).join(', ')} to start`)
  }
  reportStarting()
  await Promise.all(
    processes.map(async ({ ready }) => {
      await ready
      if (processes.some(({ isReady }) => !isReady)) reportStarting()
    }),
  )
  const client = new Client({ endpoints: processes.map(({ replica }) => replica.clients) })
  try {
    for (;;) {
      const state = judge(await client.status())
      if ('leader' in state) return state.leader
      progress(`waiting for ${state.waitingFor}`)
      await sleep(POLL_MS, undefined, { signal })
    }
  } finally {
    await client.close()
  }
}

function judge(
  answers: readonly EndpointStatus[],
): { readonly leader: number | null } | { readonly waitingFor: string } {
  const statuses = answers.flatMap((answer) => ('status' in answer ? [answer.status] : []))
  const [first] = statuses
  if (first === undefined || statuses.length < answers.length) return { waitingFor: 'all replicas to answer' }
  if (statuses.some(({ formed }) => !formed)) return { waitingFor: 'the cluster to form' }
  if (first.mode === 'leaderless') return { leader: null }
  const agreed = statuses.every(({ leader }) => leader === first.leader)
  return first.leader !== null && agreed ? { leader: first.leader } : { waitingFor: 'a leader' }
}
