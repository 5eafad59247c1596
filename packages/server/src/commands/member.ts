import { Argument, type Command } from 'commander'
import { type AnyMachine, Client, type MemberStatus, type ReplicaStatus, connect } from 'synod'
import { answered, firstStatuses, membersOf, requireAnswer } from './cluster-status.js'
import {
  type ConnectionOptions,
  addClusterOptions,
  connectOptions,
  finish,
} from '../terminal/common-options.js'
import { memberNote } from '../reports/member-note.js'
import { print } from '../terminal/output.js'
import { type ServerAt, parseServerId, parseServerAt } from '../terminal/parsers.js'
import { formatTable } from '../terminal/table.js'

/** How long it waits for the addresses of members, which a new server starts with. */
const LOOK_MS = 500

interface AddOptions extends ConnectionOptions {
  readonly learner?: boolean
}

interface UpdateOptions extends ConnectionOptions {
  readonly address: string
}

interface RemoveOptions extends ConnectionOptions {
  readonly force?: boolean
}

/** Adds `synod member` with its commands. */
export function addMember(program: Command): void {
  const member = program
    .command('member')
    .description('Show the members of a cluster, and change them while it runs.')
  addList(member)
  addAdd(member)
  addUpdate(member)
  addRemove(member)
  addReplace(member)
}

function addList(member: Command): void {
  const list = member
    .command('list')
    .description(
      'Show the members, as the most advanced replica that answers knows them. Fails if none answers.',
    )
    .action(runList)
  finish(addClusterOptions(list, 500), ['member list', 'member list --json'])
}

function addAdd(member: Command): void {
  const add = member
    .command('add')
    .description(
      'Add a new server, then start it with synod serve --join. It votes when it has caught up. ' +
        'Its id must be higher than all ids before.',
    )
    .addArgument(newServerArgument('<id=host:port>'))
    .option('--learner', 'the server only learns, and never votes')
    .action((server: ServerAt, options: AddOptions) =>
      runAdd(server, { learner: options.learner ?? false, replaces: 0 }, options),
    )
  finish(addClusterOptions(add), ['member add 4=10.0.0.4:2380', 'member add 4=10.0.0.4:2380 --learner'])
}

function addUpdate(member: Command): void {
  const update = member
    .command('update')
    .description(
      'Correct the address of a member for its peers. A server that names the member in its own --servers uses that ' +
        'address until it is started with another list.',
    )
    .addArgument(new Argument('<id>', 'the server, such as 3 or s3').argParser(parseServerId))
    .requiredOption('--address <host:port>', 'where it listens from now on; no other member may listen there')
    .action(runUpdate)
  finish(addClusterOptions(update), ['member update 3 --address 10.0.0.7:2380'])
}

function addRemove(member: Command): void {
  const remove = member
    .command('remove')
    .description('Remove a server for good. Its process ends by itself, and its id is not used again.')
    .addArgument(new Argument('<id>', 'the server, such as 3 or s3').argParser(parseServerId))
    .option(
      '--force',
      'even if too few voters are up to form a quorum: then nothing is decided until enough are up',
    )
    .action(runRemove)
  finish(addClusterOptions(remove), ['member remove 3', 'member remove 3 --force'])
}

function addReplace(member: Command): void {
  const replace = member
    .command('replace')
    .description(
      'Replace a server by a new one, which you start with synod serve --join. ' +
        'When the new server has caught up, it gets its vote and the old one is removed, at the same moment.',
    )
    .addArgument(new Argument('<old>', 'the server to remove, such as 3 or s3').argParser(parseServerId))
    .addArgument(newServerArgument('<new=host:port>'))
    .action((replaces: number, server: ServerAt, options: ConnectionOptions) =>
      runAdd(server, { learner: false, replaces }, options),
    )
  finish(addClusterOptions(replace), ['member replace 3 4=10.0.0.4:2380'])
}

function newServerArgument(name: string): Argument {
  return new Argument(name, 'the new server, and where it listens for its peers').argParser(parseServerAt)
}

async function runList(options: ConnectionOptions): Promise<void> {
  const client = new Client(connectOptions(options))
  try {
    const statuses = await firstStatuses(client, options.timeoutMs)
    requireAnswer(statuses)
    const members = membersOf(answered(statuses))
    print(options, memberTable(members), { members })
  } finally {
    await client.close()
  }
}

function memberTable(members: readonly MemberStatus[]): string {
  return formatTable(
    ['server', 'role', 'address', 'note'],
    members.map((member) => [
      `s${member.server}`,
      member.role,
      member.address || '-',
      memberNote(member) ?? '',
    ]),
  )
}

async function runAdd(
  { address, server }: ServerAt,
  how: { readonly learner: boolean; readonly replaces: number },
  options: ConnectionOptions,
): Promise<void> {
  const { learner, replaces } = how
  const role = learner ? 'learner' : 'joining'
  const change = { add: server, address, learner, ...(replaces === 0 ? {} : { replaces }) }
  const statuses = await connected(options, async (client) => {
    await client.changeMembership(change)
    return answered(await firstStatuses(client, LOOK_MS))
  })
  const text = [
    `s${server} is a member, and ${memberNote({ replaces, role }) ?? ''}.`,
    'Start it on an empty data directory, with the same --quorums as its peers if they have any:',
    `  ${serveCommand({ address, server }, replaces, statuses)}`,
  ]
  print(options, text.join('\n'), { event: 'member-added', server, role, replaces, address })
}

/** The command that starts the new server, as far as the replicas have answered. */
function serveCommand(
  { address, server }: ServerAt,
  replaces: number,
  statuses: readonly ReplicaStatus[],
): string {
  const others = membersOf(statuses).filter(
    (other) => other.server !== server && other.server !== replaces && other.address !== '',
  )
  const servers = [...others, { server, address }].map((each) => `${each.server}=${each.address}`)
  const [status] = statuses
  const mode = status?.mode === 'leaderless' ? ' --mode leaderless' : ''
  return (
    `synod serve --id ${server} --join --cluster-name ${status?.cluster ?? 'NAME'}${mode} ` +
    `--servers ${servers.join(',')} --clients HOST:PORT --data-dir DIR`
  )
}

async function runUpdate(server: number, { address, ...options }: UpdateOptions): Promise<void> {
  await connected(options, (client) => client.changeMembership({ update: server, address }))
  print(options, `s${server} listens for its peers at ${address}`, {
    event: 'member-updated',
    server,
    address,
  })
}

async function runRemove(server: number, options: RemoveOptions): Promise<void> {
  const { force = false } = options
  await connected(options, (client) => client.changeMembership({ remove: server, force }))
  const text = `s${server} is not a member any more: its process ends by itself, and its data directory is of no further use`
  print(options, text, { event: 'member-removed', server })
}

/** Calls `use` with a connected client, and closes the client. */
async function connected<T>(
  options: ConnectionOptions,
  use: (client: Client<AnyMachine>) => Promise<T>,
): Promise<T> {
  const client = connect(connectOptions(options))
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}
