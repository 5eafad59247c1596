// One server of the floor: replication with Synod's framing, links, journal and group commit, and
// no decision. A leader (server 1) writes each request and sends it to two followers, which write
// it too; it answers when it and one follower are durable. Nothing survives a leader.
import { randomBytes } from 'node:crypto'
import { systemClock } from 'synod/internal/clock.js'
import type { ClusterParameters } from 'synod/internal/cluster/parameters.js'
import { FORMATS } from 'synod/internal/cluster/versions.js'
import { nodeDisk } from 'synod/internal/storage/node-disk.js'
import { openJournal } from 'synod/internal/journal/open-journal.js'
import { type ClientConnection, listenForClients } from 'synod/internal/net/client/listener.js'
import type { PeerHello } from 'synod/internal/net/hello.js'
import { parseAddress } from 'synod/internal/net/transport/network.js'
import { type PeerLink, openPeerLink } from 'synod/internal/net/peer/link.js'
import { listenForPeers } from 'synod/internal/net/peer/listener.js'
import { tcpNetwork } from 'synod/internal/net/transport/tcp.js'

const BALLOT = { seq: 1, server: 1 }
const LEADER = 1
const CLUSTER = 'floor'
const PARAMETERS: ClusterParameters = { mode: 'leader', quorums: null, leaseMs: 0, window: 8192 }

/** Requests that were sent on together, and who has them durably. */
interface Batch {
  readonly last: number
  readonly position: number
  readonly requests: { readonly connection: ClientConnection; readonly request: number }[]
  copies: number
}

async function main(
  id: number,
  peerAddresses: string[],
  clientAddress: string,
  directory: string,
): Promise<void> {
  const { journal } = await openJournal({
    disk: nodeDisk,
    directory,
    identity: { cluster: CLUSTER, parameters: PARAMETERS, founders: [1, 2, 3], server: id, addresses: {} },
    randomBytes: (size) => randomBytes(size),
    now: () => performance.now(),
    onDurable,
    onFailure: fail,
  })
  if (journal === undefined) throw new Error('a floor server starts on an empty directory')

  const common = { network: tcpNetwork, clock: systemClock, random: Math.random }
  const links = new Map<number, PeerLink>()
  const batches = new Map<number, Batch>()
  const acknowledgements: { position: number; first: number; last: number }[] = []
  const answered = new Set<ClientConnection>()
  let newRequests: { connection: ClientConnection; request: number; value: Uint8Array }[] = []
  let nextSlot = 1
  let turning = false
  const hello: PeerHello = {
    type: 'peer-hello',
    purpose: 'messages',
    cluster: CLUSTER,
    clusterId: null,
    parameters: PARAMETERS,
    electionTimeoutMs: 500,
    server: id,
    acceptor: randomBytes(16).toString('hex'),
    founders: [1, 2, 3],
    address: '127.0.0.1:1',
    process: 1,
    support: { formats: FORMATS, machine: 1 },
  }

  for (const [index, address] of peerAddresses.entries()) {
    if (index + 1 === id) continue
    const link = openPeerLink({
      ...common,
      address: parseAddress(address),
      hello: () => hello,
      onUp: () => undefined,
      onDown: fail,
      onRefused: fail,
    })
    links.set(index + 1, link)
  }
  await listenForPeers({
    ...common,
    address: parseAddress(peerAddresses[id - 1] ?? ''),
    judge: () => ({ ...hello, type: 'peer-welcome', heard: 0, electorate: { slot: 0, configurations: [] } }),
    onRefused: fail,
    onMessages(_from, messages) {
      for (const message of messages) {
        if (message.type === 'accept') {
          const { first, values } = message
          const position = journal.append([{ type: 'vote', ballot: BALLOT, first, values }])
          acknowledgements.push({ position, first, last: first + values.length - 1 })
        } else if (message.type === 'accepted') {
          copied(message.first)
        }
      }
      endTurn()
    },
  })
  if (id === LEADER) {
    await listenForClients({
      ...common,
      address: parseAddress(clientAddress),
      judge: () => ({
        type: 'client-welcome',
        cluster: CLUSTER,
        clusterId: null,
        mode: 'leader',
        server: id,
        maxCommandBytes: 1 << 20,
      }),
      onConnected: () => undefined,
      onDrained: () => undefined,
      onDisconnected: () => undefined,
      onRefused: fail,
      onMessages(connection, messages) {
        for (const message of messages) {
          if (message.type !== 'execute') continue
          newRequests.push({ connection, request: message.request, value: message.value })
        }
        endTurn()
      },
    })
  }
  process.stdout.write('ready\n')

  function endTurn(): void {
    if (turning) return
    turning = true
    setImmediate(() => {
      turning = false
      if (newRequests.length > 0) sendOn()
      journal?.flush()
      for (const link of links.values()) link.flush()
      for (const connection of answered) connection.flush()
      answered.clear()
    })
  }

  function sendOn(): void {
    const requests = newRequests
    newRequests = []
    const first = nextSlot
    nextSlot += requests.length
    const values = requests.map(({ value }) => value)
    for (const link of links.values()) link.send({ type: 'accept', ballot: BALLOT, first, values })
    const position = journal?.append([{ type: 'vote', ballot: BALLOT, first, values }]) ?? 0
    batches.set(first, { last: nextSlot - 1, position, requests, copies: 0 })
  }

  function onDurable(position: number): void {
    while (acknowledgements[0] !== undefined && acknowledgements[0].position <= position) {
      const { first, last } = acknowledgements[0]
      acknowledgements.shift()
      links.get(LEADER)?.send({ type: 'accepted', ballot: BALLOT, first, last })
    }
    for (const [first, batch] of batches) {
      if (batch.position > position) break
      if (batch.position > 0 && !durable.has(first)) {
        durable.add(first)
        copied(first)
      }
    }
    endTurn()
  }

  /** One more server has the batch; two of three are enough. */
  function copied(first: number): void {
    const batch = batches.get(first)
    if (batch === undefined || ++batch.copies < 2) return
    batches.delete(first)
    durable.delete(first)
    for (const { connection, request } of batch.requests) {
      connection.send({ type: 'reply', request, slot: 0, result: NOTHING })
      answered.add(connection)
    }
  }
}

const NOTHING = new Uint8Array(0)
/** Batches that the leader itself has durably, but that are not answered yet. */
const durable = new Set<number>()

function fail(...reasons: unknown[]): void {
  process.stderr.write(`floor server: ${reasons.map(String).join(' ')}\n`)
}

const [id = '', peers = '', clients = '', directory = ''] = process.argv.slice(2)
await main(Number(id), peers.split(','), clients, directory)
