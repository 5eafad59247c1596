import type { Cluster, ServerId, Stage, Transit } from 'synod-testing/script'
import type { ActorId } from '../picture/picture.js'
import type { LabSession } from './lab-session.js'
import { messageReference } from './message-reference.js'

/** Something that can be done, or cannot be. */
export interface PossibleAction {
  readonly name: string
  /** The command that does it. */
  readonly command: string
  /** Why it cannot be done now, in a sentence; undefined if it can. */
  readonly why: string | undefined
}

export interface MessageActions {
  /** The message in the picture. */
  readonly message: number
  /** It is kept back until it is released. */
  readonly held: boolean
  readonly actions: readonly PossibleAction[]
}

export interface ServerActions {
  readonly server: ServerId
  readonly actions: readonly PossibleAction[]
}

export interface LinkActions {
  readonly from: ServerId
  readonly to: ServerId
  readonly cut: boolean
  readonly actions: readonly PossibleAction[]
}

export interface ClientActions {
  readonly client: ActorId
  /** One for each server, and one for whom the client would ask by itself. */
  readonly actions: readonly PossibleAction[]
}

/** All that can be done at the position of a session. */
export interface Possible {
  readonly messages: readonly MessageActions[]
  readonly servers: readonly ServerActions[]
  readonly links: readonly LinkActions[]
  /** The clients that have asked for something, and one more. */
  readonly clients: readonly ClientActions[]
  readonly cluster: readonly PossibleAction[]
}

/** What can be done now. Before the first command that is nothing. */
export function possible(session: LabSession): Possible {
  const { picture, recorder, stage, violation } = session
  if (stage === undefined || recorder === undefined || picture === undefined)
    return { messages: [], servers: [], links: [], clients: [], cluster: [] }
  const { cluster, heldBack } = stage
  const over = violation === undefined ? undefined : `An invariant is broken: ${violation}.`
  const ended = (actions: readonly PossibleAction[]) =>
    over === undefined ? actions : actions.map((it) => ({ ...it, why: over }))
  const messagesOf = (all: readonly Transit[], held: boolean) =>
    all.map((transit) => ({
      message: recorder.idOf(transit),
      held,
      actions: ended(held ? heldActions(all, transit) : messageActions(cluster, transit)),
    }))
  const links = cluster.ids.flatMap((from) => cluster.others(from).map((to) => ({ from, to })))
  const value = nextValue(picture.messages.flatMap(({ values }) => values))
  return {
    messages: [...messagesOf(cluster.network.transits, false), ...messagesOf(heldBack, true)],
    servers: cluster.ids.map((server) => ({ server, actions: ended(serverActions(cluster, server)) })),
    links: links.map(({ from, to }) => ({
      from,
      to,
      cut: cluster.network.isCut(from, to),
      actions: ended([
        action('cut', `cut s${from}>s${to}`, cluster.network.isCut(from, to) && 'The link is cut already.'),
      ]),
    })),
    clients: clientsOf(picture.actors).map((client) => ({
      client,
      actions: ended(clientActions(cluster, client, value)),
    })),
    cluster: ended(clusterActions(stage)),
  }
}

function action(name: string, command: string, why: string | false): PossibleAction {
  return { name, command, why: why === false ? undefined : why }
}

function messageActions(cluster: Cluster, transit: Transit): PossibleAction[] {
  const words = messageReference(cluster.network.transits, transit)
  const waits = cluster.server(transit.to).paused && `s${transit.to} is paused: messages to it wait.`
  return [
    action('deliver', `deliver ${words}`, waits),
    action('duplicate', `duplicate ${words}`, waits),
    action('lose', `lose ${words}`, false),
    action('hold', `hold ${words}`, false),
  ]
}

function heldActions(all: readonly Transit[], transit: Transit): PossibleAction[] {
  return [action('release', `release ${messageReference(all, transit)}`, false)]
}

function serverActions(cluster: Cluster, id: ServerId): PossibleAction[] {
  const { up, paused, isWriting, deadlineMs, executed, snapshotted, paxos } = cluster.server(id)
  const s = `s${id}`
  const down = !up && `${s} is down.`
  const still = down || (paused && `${s} is paused.`)
  const stuck = cluster.stuckDisks.has(id)
  const isLeaderless = cluster.mode === 'leaderless' && 'Nobody leads in leaderless mode.'
  return [
    action('crash', `crash ${s}`, down),
    action('kill', `kill ${s}`, down),
    action('restart', `restart ${s}`, up && `${s} is up.`),
    action('pause', `pause ${s}`, still),
    action('resume', `resume ${s}`, down || (!paused && `${s} is not paused.`)),
    action('timer', `tick ${s}`, still || (deadlineMs === Infinity && `${s} waits for no timer.`)),
    action('read', `read ${s}`, still),
    action('disk stuck', `disk ${s} stuck`, stuck && 'Its disk is stuck already.'),
    action('disk well', `disk ${s} well`, !stuck && 'Its disk is well.'),
    action('sync', `sync ${s}`, still || (!isWriting && 'All that it has written is durable.')),
    action(
      'trim',
      `trim ${s} ${executed.length}`,
      still || (executed.length <= snapshotted && 'It has executed nothing that is in no snapshot.'),
    ),
    action(
      'transfer',
      `transfer ${s}`,
      isLeaderless || still || (paxos.leader === undefined && `${s} knows no leader.`),
    ),
    action('campaign', `campaign ${s}`, isLeaderless || still),
    ...memberActions(cluster, id),
  ]
}

/** What can be done about a server as a member: each change is a command that a server takes. */
function memberActions(cluster: Cluster, id: ServerId): PossibleAction[] {
  const ids = cluster.ids.filter((it) => cluster.server(it).isRunning)
  const [first, ...rest] = ids
  if (first === undefined) return []
  const foremost = rest.reduce(
    (best, it) => (cluster.paxos(it).chosen > cluster.paxos(best).chosen ? it : best),
    first,
  )
  const { membership } = cluster.paxos(foremost)
  const unled = cluster.mode === 'leader' && cluster.leader() === undefined && 'Nobody leads.'
  const member = membership.state.members.find(({ server }) => server === id)
  if (member?.role === 'voter') return [action('remove', `request c1> remove-s${id}`, unled)]
  if (member === undefined)
    return [
      action(
        'add',
        `request c1> add-s${id}`,
        membership.isRemoved(id) ? `s${id} was a member, and is none for good.` : unled,
      ),
    ]
  const { hasJoined } = cluster.server(id)
  return [
    action('join', `join s${id} s${foremost}`, hasJoined && `s${id} knows who is a member.`),
    action('promote', `request c1> promote-s${id}`, unled),
  ]
}

function clientActions(cluster: Cluster, client: ActorId, value: string): PossibleAction[] {
  const ids = cluster.ids.filter((id) => cluster.server(id).isRunning)
  const nobody = ids.length === 0 && 'No server is there to take it.'
  const leaderless = cluster.mode === 'leaderless'
  const unled = !leaderless && cluster.leader() === undefined && 'Nobody leads: ask a server.'
  return [
    action(leaderless ? 'everyone' : 'the leader', `request ${client}> ${value}`, nobody || unled),
    ...cluster.ids.map((id) => {
      const { up, isRunning } = cluster.server(id)
      const why = !isRunning && `s${id} is ${up ? 'paused' : 'down'}.`
      return action(`S${id}`, `request ${client}>s${id} ${value}`, why)
    }),
  ]
}

function clusterActions({ cluster, heldBack }: Stage): PossibleAction[] {
  return [
    action('let all arrive', 'settle', false),
    action('wait 100 ms', 'wait 100 ms', false),
    action('heal links', 'heal', cluster.network.cut.size === 0 && 'No link is cut.'),
    action('release all', 'release', heldBack.length === 0 && 'No message is held back.'),
  ]
}

function clientsOf(actors: readonly ActorId[]): ActorId[] {
  const clients = actors.filter((actor) => actor.startsWith('c'))
  let next = 1
  while (clients.includes(`c${next}`)) next++
  return [...clients, `c${next}`]
}

/** The first of a, b … z, a2, b2 … that is not used yet. */
function nextValue(used: readonly string[]): string {
  const taken = new Set(used)
  for (let round = 1; ; round++) {
    for (const letter of 'abcdefghijklmnopqrstuvwxyz') {
      const value = round === 1 ? letter : `${letter}${round}`
      if (!taken.has(value)) return value
    }
  }
}
