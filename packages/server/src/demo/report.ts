import { defaultClientAddress } from '../terminal/addresses.js'
import { formatTable } from '../terminal/table.js'
import type { Ended, ReplicaProcess } from './replica-process.js'
import { typedCommand } from './typed-command.js'

/** One line for each replica. */
export function replicaTable(processes: readonly ReplicaProcess[], leader: number | null): string {
  return formatTable(
    ['name', 'pid', 'clients', 'peers', 'data', ''],
    processes.map(({ pid, replica: { clients, dataDir, id, name, peers } }) => [
      name,
      String(pid),
      clients,
      peers,
      dataDir,
      id === leader ? 'leads' : '',
    ]),
  )
}

/** What to do with a demo that has just started. */
export function nextSteps(processes: readonly ReplicaProcess[], leader: number | null): string {
  const endpoints = processes.map(({ replica }) => replica.clients)
  // The first three are where clients look unless told otherwise.
  const areDefaults = endpoints
    .slice(0, 3)
    .every((endpoint, index) => endpoint === defaultClientAddress(index))
  const where = areDefaults ? [] : ['--endpoints', endpoints.join(',')]
  const put = typedCommand(['put', 'hello', 'world', ...where])
  const get = typedCommand(['get', 'hello', ...where])
  const victim = processes.find(({ replica }) => replica.id === leader) ?? processes[0]
  const kill = `kill -9 ${victim?.pid ?? 0}`
  const lost = leader === null ? 'a replica' : 'the leader'
  return `Next, in a second terminal: ${put}; then kill ${lost} with ${kill}, and see: ${get}. Ctrl-C here stops all.`
}

/** That a replica has ended, why, and how it is brought back. */
export function endReport({ how, lastError, pid, replica }: Ended): string {
  const why = lastError === null ? '' : `; its last ${lastError}`
  return `${replica.name} (pid ${pid}) ${how}${why}. To bring it back: ${typedCommand(replica.serveArgs)}`
}
