// A replica of the store that is deaf from SIGUSR2 on: it proposes, votes and sends, and hears of
// no vote.
// node deaf-leader.js ID SERVERS CLIENTS DIRECTORY ELECTION_TIMEOUT_MS COMMANDS VALUE_BYTES
import { Replica } from 'synod'
import { KvMachine } from 'synod-server'
import type { Network, SocketEvents } from 'synod/internal/net/transport/network.js'
import { tcpNetwork } from 'synod/internal/net/transport/tcp.js'

const [id, servers = '', clients = '', dataDir = '', timeoutMs, commands, valueBytes] = process.argv.slice(2)
let isDeaf = false

const network: Network = {
  connect: (address, events) => tcpNetwork.connect(address, hearing(events)),
  listen: (address, onSocket) =>
    tcpNetwork.listen(address, (open) => {
      onSocket((events) => open(hearing(events)))
    }),
}
const addresses = servers.split(',').map((server) => server.split('='))
const replica = await Replica.open({
  id: Number(id),
  cluster: { name: 'bench', servers: Object.fromEntries(addresses) as Record<number, string> },
  ...{ clients, dataDir, machine: new KvMachine(), electionTimeoutMs: Number(timeoutMs) },
  host: { network },
})
process.stdout.write('ready\n')

process.on('SIGUSR2', () => void proposeOnly())

async function proposeOnly(): Promise<void> {
  // This opens the session of what follows.
  await replica.execute({ type: 'put', key: 'first', value: Buffer.alloc(1) })
  isDeaf = true
  const value = Buffer.alloc(Number(valueBytes), 'v')
  for (let n = 0; n < Number(commands); n++)
    replica.execute({ type: 'put', key: `inherited-${n}`, value }).catch(() => undefined)
}

function hearing(events: SocketEvents): SocketEvents {
  return {
    data: (chunk) => {
      if (!isDeaf) events.data(chunk)
    },
    drained: () => {
      events.drained()
    },
    closed: (reason) => {
      events.closed(reason)
    },
  }
}
