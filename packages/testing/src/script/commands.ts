import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { Mode } from 'synod/internal/paxos/config.js'
import type { MessageType } from 'synod/internal/paxos/messages.js'
import { MAX_SERVERS, type Quorums } from 'synod/internal/paxos/quorum.js'
import { Cluster } from '../cluster/cluster.js'
import { describeRecord } from '../describe.js'
import { type Arguments, parseNumber, parseRoute, parseServer } from './arguments.js'
import { decodeValue, executions } from './client-requests.js'
import { Stage } from './stage.js'
import { logTable, statusLines } from './tables.js'

/**
 * Does what a command asks for; the lines are its answer. Throws an Error that says what is wrong
 * with it.
 */
type Run = (stage: Stage, args: Arguments) => string[]

const OK = ['ok']
const MAX_TICKS = 100

/**
 * The commands of a script, but for `cluster`, which comes first: docs/reference/scripts.md.
 */
export const COMMANDS: Readonly<Record<string, Run>> = {
  // Clients

  propose: (stage, args) => {
    const id = serverThatIsUp(stage, args)
    const words = valuesIn(args)
    return stage.report('messages', () => stage.propose(id, words, true))
  },
  submit: (stage, args) => {
    const id = serverThatIsUp(stage, args)
    const words = valuesIn(args)
    return stage.report('messages', () => stage.propose(id, words, false))
  },
  request: (stage, args) => {
    const { client, servers } = args.ask()
    requireServers(stage.cluster, servers)
    const words = valuesIn(args)
    const asked = servers.length > 0 ? servers : serversToAsk(stage.cluster)
    if (asked.every((id) => !stage.cluster.server(id).isRunning))
      throw new Error('none of these servers is there to take it')
    return stage.report('messages', () => stage.request(client, asked, words))
  },
  withdraw: (stage, args) => {
    const id = serverThatIsUp(stage, args)
    const words = valuesIn(args)
    return stage.report('messages', () => {
      for (const word of words) stage.withdraw(id, word)
    })
  },
  read: (stage, args) => {
    const id = serverThatIsUp(stage, args)
    return stage.report('messages', () => stage.cluster.read(id))
  },

  // Time

  elect: (stage, args) => {
    const id = serverThatIsUp(stage, args)
    return stage.report('outcome', () => stage.cluster.makeLeader(id))
  },
  campaign: (stage, args) => {
    const id = serverThatIsUp(stage, args)
    return stage.report('messages', () => stage.cluster.missLeader(id))
  },
  tick: (stage, args) => {
    const id = serverThatIsUp(stage, args)
    const { cluster } = stage
    if (args.isEmpty) return stage.report('heartbeats', () => cluster.tick(id))
    const type = args.messageType()
    return stage.report('messages', () => tickUntil(cluster, id, type))
  },
  transfer: (stage, args) => {
    const id = serverThatIsUp(stage, args)
    const to = args.isEmpty ? 0 : args.server()
    return stage.report('messages', () => stage.cluster.step(id, { type: 'transfer', to }))
  },
  wait: (stage, args) => {
    const durationMs = args.durationMs()
    return stage.report('outcome', () => stage.cluster.wait(durationMs))
  },
  pass: ({ cluster }, args) => {
    cluster.nowMs += args.durationMs()
    return OK
  },
  settle: (stage) => stage.report('outcome', () => stage.cluster.settle()),

  // Messages

  deliver: (stage, args) => stage.deliver(args.selection(), false),
  duplicate: (stage, args) => stage.deliver(args.selection(), true),
  lose: (stage, args) => stage.lose(args.selection()),
  hold: (stage, args) => stage.hold(args.selection()),
  release: (stage, args) => stage.release(args.isEmpty ? undefined : args.selection()),
  network: (stage) => stage.underWay(),

  // Links

  cut: ({ cluster }, args) => {
    const words = args.rest('s1>s2, or two servers')
    const [from, to] = parseRoute(words.length === 1 ? words.join() : words.join('>'))
    if (from === undefined || to === undefined) throw new Error('expected s1>s2, or two servers')
    requireServers(cluster, [from, to])
    cluster.network.cut.add(`${from}>${to}`)
    if (words.length > 1) cluster.network.cut.add(`${to}>${from}`)
    return OK
  },
  split: ({ cluster }, args) => {
    const side = args.servers()
    requireServers(cluster, side)
    const rest = cluster.ids.filter((id) => !side.includes(id))
    for (const id of side) cluster.network.isolate(id, rest)
    return OK
  },
  heal: ({ cluster }) => {
    cluster.network.heal()
    return OK
  },

  // Servers and their disks

  crash: (stage, args) => {
    const id = requireUp(stage.cluster, args.server())
    stage.cluster.crash(id)
    return OK
  },
  kill: (stage, args) => {
    const id = requireUp(stage.cluster, args.server())
    return stage.report('messages', () => stage.cluster.kill(id))
  },
  restart: ({ cluster, narrator }, args) => {
    const id = args.server()
    if (cluster.server(id).up) throw new Error(`s${id} is up`)
    cluster.restart(id)
    narrator.forget(id)
    return OK
  },
  pause: (stage, args) => {
    stage.cluster.pause(serverThatIsUp(stage, args))
    return OK
  },
  resume: (stage, args) => {
    const id = args.server()
    if (!stage.cluster.server(id).paused) throw new Error(`s${id} is not paused`)
    return stage.report('messages', () => stage.cluster.resume(id))
  },
  join: (stage, args) => {
    const [id, from] = [serverThatIsUp(stage, args), serverThatIsUp(stage, args)]
    const { cluster } = stage
    if (id === from || cluster.server(from).executed.length < cluster.server(id).executed.length)
      throw new Error(`s${id} knows all that s${from} does`)
    return stage.report('messages', () => cluster.join(id, from))
  },
  disk: ({ cluster }, args) => {
    const id = args.server()
    cluster.server(id)
    if (args.oneOf(['stuck', 'well']) === 'stuck') cluster.stuckDisks.add(id)
    else cluster.stuckDisks.delete(id)
    return OK
  },
  trim: (stage, args) => {
    const id = serverThatIsUp(stage, args)
    const slot = args.number('a slot')
    return stage.report('messages', () => {
      stage.cluster.trim(id, slot)
    })
  },
  sync: (stage, args) => {
    const id = serverThatIsUp(stage, args)
    const count = args.isEmpty ? Infinity : args.number('how many records')
    return stage.report('messages', () => stage.cluster.sync(id, count))
  },

  // What there is to see

  show: ({ cluster }) => statusLines(cluster),
  log: (stage, args) => {
    const { cluster } = stage
    const up = cluster.ids.filter((id) => cluster.server(id).up)
    return logTable(cluster, args.isEmpty ? up : serversThatAreUp(stage, args))
  },
  journal: ({ cluster }, args) => {
    const id = args.server()
    const { durable, journal } = cluster.server(id)
    const lines = journal.map((record, position) => {
      const text = describeRecord(record, decodeValue)
      return position < durable ? text : `${text} (not durable)`
    })
    return lines.length === 0 ? ['empty'] : lines
  },
  executed: (stage, args) =>
    serversThatAreUp(stage, args).flatMap((id) =>
      executions(stage.cluster, id).map((line) => `s${id}: ${line}`),
    ),
}

/** `cluster N leader|leaderless`, and options: the first command of every script. */
export function makeStage(args: Arguments): Stage {
  const servers = args.number('how many servers')
  if (servers < 1 || servers > MAX_SERVERS) throw new Error(`expected 1 to ${MAX_SERVERS} servers`)
  const mode = args.oneOf<Mode>(['leader', 'leaderless'])
  const nonVoting: ServerId[] = []
  const config: { window?: number } = {}
  let quorums: Quorums | undefined
  let founders = servers
  while (!args.isEmpty) {
    const [name, value = ''] = args.word('an option').split('=')
    if (name === 'window') config.window = parseNumber(value, 'a window')
    else if (name === 'learner') nonVoting.push(parseServer(value))
    else if (name === 'quorums') quorums = parseQuorums(value)
    else if (name === 'founders') founders = parseNumber(value, 'how many servers vote from the beginning')
    else throw new Error(`no such option: ${name}`)
  }
  const cluster = new Cluster({ servers, founders, mode, nonVoting, quorums, config })
  requireServers(cluster, nonVoting)
  return new Stage(cluster)
}

/** As `3,2`: of phase 1, and of phase 2. */
function parseQuorums(text: string): Quorums {
  const [phase1 = '', phase2 = ''] = text.split(',')
  return { phase1: parseNumber(phase1, 'quorums, as 3,2'), phase2: parseNumber(phase2, 'quorums, as 3,2') }
}

function serverThatIsUp({ cluster }: Stage, args: Arguments): ServerId {
  const id = requireUp(cluster, args.server())
  if (cluster.server(id).paused) throw new Error(`s${id} is paused`)
  return id
}

function serversThatAreUp({ cluster }: Stage, args: Arguments): ServerId[] {
  return args.servers().map((id) => requireUp(cluster, id))
}

/** Whom a client asks by itself: the leader, or in leaderless mode everybody. */
function serversToAsk(cluster: Cluster): ServerId[] {
  if (cluster.mode === 'leaderless') return cluster.ids
  const leader = cluster.leader()
  if (leader === undefined) throw new Error('nobody leads: say whom the client asks, as c1>s2')
  return [leader]
}

/** Throws if the cluster has not all of these. */
function requireServers(cluster: Cluster, servers: readonly ServerId[]): void {
  for (const id of servers) cluster.server(id)
}

function requireUp(cluster: Cluster, id: ServerId): ServerId {
  if (!cluster.server(id).up) throw new Error(`s${id} is down`)
  return id
}

function tickUntil(cluster: Cluster, id: ServerId, type: MessageType): void {
  const before = cluster.network.sent.get(type)
  for (let ticks = 0; cluster.network.sent.get(type) === before; ticks++) {
    if (ticks === MAX_TICKS) throw new Error(`s${id} sends no ${type} within ${MAX_TICKS} ticks`)
    cluster.tick(id)
    cluster.syncDisks()
  }
}

/** Values as words; `r1..r9` stands for nine of them. */
function valuesIn(args: Arguments): string[] {
  return args.rest('values').flatMap((word) => {
    const [, name, first, last] = /^(\D*)(\d+)\.\.\1(\d+)$/.exec(word) ?? []
    if (name === undefined) return [word]
    const count = Number(last) - Number(first) + 1
    return Array.from({ length: count }, (_, offset) => name + String(Number(first) + offset))
  })
}
