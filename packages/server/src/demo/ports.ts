import { type Server, createServer } from 'node:net'
import { CliError } from '../terminal/cli-error.js'
import type { DemoReplica } from './plan.js'

/** Rejects with `port-in-use` unless every replica can listen where it should. */
export async function requirePorts(replicas: readonly DemoReplica[]): Promise<void> {
  for (const { clients, name, peers } of replicas) {
    await requirePort(clients, `the clients of ${name}`)
    await requirePort(peers, `the peers of ${name}`)
  }
}

async function requirePort(address: string, whose: string): Promise<void> {
  const { hostname: host, port } = new URL(`tcp://${address}`)
  const server = createServer()
  try {
    await listen(server, host, Number(port))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CliError(
      'port-in-use',
      `cannot listen at ${address} for ${whose}: ${reason}; if another demo runs, stop it, or choose other ports, ` +
        `with --base-port 20000 for example`,
      { address },
    )
  }
  await new Promise((resolve) => server.close(resolve))
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, resolve)
  })
}
