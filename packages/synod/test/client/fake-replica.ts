import type { ErrorCode } from '../../src/errors.js'
import type { ChannelListener } from '../../src/net/transport/channel-listener.js'
import { type ClientConnection, listenForClients } from '../../src/net/client/listener.js'
import type { ClientMessage } from '../../src/net/client/messages.js'
import { ZERO_BALLOT } from '../../src/paxos/ballot.js'
import type { Mode } from '../../src/paxos/config.js'
import type { World } from '../replica/world.js'

/**
 * The part of a replica that clients see, without a replica behind it: the test says what it
 * answers.
 */
export class FakeReplica {
  readonly received: ClientMessage[] = []
  readonly #id: number
  readonly #connections = new Set<ClientConnection>()
  #listener: ChannelListener | undefined

  private constructor(id: number) {
    this.#id = id
  }

  static async listen(
    world: World,
    id: number,
    mode: Mode = 'leader',
    clusterId: string | null = 'ab'.repeat(16),
  ): Promise<FakeReplica> {
    const replica = new FakeReplica(id)
    replica.#listener = await listenForClients({
      network: world.network.host(`s${id}`),
      clock: world.clock,
      address: { host: `s${id}`, port: 2379 },
      judge: () => ({
        type: 'client-welcome',
        cluster: 'synod',
        clusterId,
        mode,
        server: id,
        maxCommandBytes: 1 << 20,
      }),
      onConnected: (connection) => replica.#connections.add(connection),
      onMessages: (_connection, batch) => replica.received.push(...batch),
      onDrained: () => undefined,
      onDisconnected: (connection) => replica.#connections.delete(connection),
      onRefused: () => undefined,
    })
    return replica
  }

  /** What has arrived of one type. */
  of<Type extends ClientMessage['type']>(type: Type) {
    return this.received.filter((message): message is ClientMessage & { type: Type } => message.type === type)
  }

  /**
   * Says that `server` leads at the ballot `seq` of that server; 0 for none. Leaderless mode has
   * ballot 0.
   */
  hint(seq: number, server: number): void {
    const ballot = seq === 0 ? ZERO_BALLOT : { seq, server: server === 0 ? this.#id : server }
    this.#say({ type: 'leader', ballot, server })
  }

  reply(request: number, result: unknown, slot = 1): void {
    this.#say({ type: 'reply', request, slot, result: Buffer.from(JSON.stringify(result)) })
  }

  /** Answers the request that opens a session. */
  open(request: number, session: number): void {
    if (session > 0x7f) throw new RangeError('one byte is enough for a test')
    this.#say({ type: 'reply', request, slot: session, result: Buffer.from([session]) })
  }

  fail(request: number, code: ErrorCode, retryAfterMs = 0): void {
    this.#say({ type: 'fail', request, code, retryAfterMs, message: `because of ${code}` })
  }

  close(): Promise<void> | undefined {
    return this.#listener?.close()
  }

  #say(message: Parameters<ClientConnection['send']>[0]): void {
    for (const connection of this.#connections) {
      connection.send(message)
      connection.flush()
    }
  }
}
