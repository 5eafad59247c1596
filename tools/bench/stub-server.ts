// A server of the client protocol with nothing behind it: it answers each request at once, so that
// clients find no other limit than themselves.
import { kvCodecs } from 'synod-server'
import { systemClock } from 'synod/internal/clock.js'
import { type ClientConnection, listenForClients } from 'synod/internal/net/client/listener.js'
import type { ClientMessage } from 'synod/internal/net/client/messages.js'
import { parseAddress } from 'synod/internal/net/transport/network.js'
import { tcpNetwork } from 'synod/internal/net/transport/tcp.js'
import { VALUE, fail } from './connection.js'

const SERVER = 1
/** The number of a session that was opened, as one byte. */
const OPENED = Uint8Array.of(1)
const PUT = kvCodecs.result.encode({ type: 'put', existed: true })
const GOT = kvCodecs.answer.encode({ type: 'get', value: VALUE })

const [address = ''] = process.argv.slice(2)
/** Connections whose first command, the one that opens a session, has come. */
const opened = new Set<ClientConnection>()
let slot = 0

await listenForClients({
  network: tcpNetwork,
  clock: systemClock,
  address: parseAddress(address),
  judge: () => ({
    type: 'client-welcome',
    cluster: 'stub',
    clusterId: '0'.repeat(32),
    mode: 'leader',
    server: SERVER,
    maxCommandBytes: 1 << 20,
  }),
  onConnected(connection) {
    connection.send({ type: 'leader', ballot: { seq: 1, server: SERVER }, server: SERVER })
    connection.flush()
  },
  onMessages(connection, messages) {
    for (const { request, type } of messages)
      connection.send({ type: 'reply', request, slot: ++slot, result: resultOf(connection, type) })
    connection.flush()
  },
  onDrained: () => undefined,
  onDisconnected(connection) {
    opened.delete(connection)
  },
  onRefused: fail,
})
process.stdout.write('ready\n')

function resultOf(connection: ClientConnection, type: ClientMessage['type']): Uint8Array {
  if (type !== 'execute') return GOT
  if (opened.has(connection)) return PUT
  opened.add(connection)
  return OPENED
}
