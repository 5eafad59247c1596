// docs/reference/limits.md has the numbers of the code. A new limit gets a row there, and one here.
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { Constants } from './constants.js'

/**
 * What the numbers of each row are, in their order. A number that is no constant stands as it is
 * written.
 */
const ROWS: Readonly<Record<string, readonly string[]>> = {
  'servers of a cluster': ['paxos/quorum.ts#MAX_SERVERS'],
  'quorums of phase 1 and 2': [],
  'server id': ['1', 'paxos/ballot.ts#MAX_SERVER_ID'],
  'a lease': ['0', 'replica/option-rules.ts#MAX_LEASE_MS'],
  'name of a cluster': ['net/hello.ts#MAX_CLUSTER_BYTES'],
  'endpoints of a client': ['client/client.ts#MAX_ENDPOINTS'],

  'a command or a query, encoded': ['replica/options.ts#MAX_COMMAND_BYTES'],
  'a result or an answer, encoded': ['machine/contract.ts#MAX_RESULT_BYTES'],
  'a result of a machine with `applyBatch`, encoded': ['machine/contract.ts#MAX_BATCHED_RESULT_BYTES'],
  'commands that wait at one replica': [
    'replica/waiting-requests.ts#MAX_WAITING_REQUESTS',
    'replica/capacity.ts#MIN_SHARE',
  ],
  'bytes of them': ['replica/waiting-requests.ts#MAX_WAITING_BYTES'],
  'commands of one slot': ['machine/batch.ts#MAX_BATCH_BYTES'],
  'reads that wait at one replica': [
    'replica/waiting-requests.ts#MAX_WAITING_REQUESTS',
    'replica/capacity.ts#MIN_SHARE',
  ],
  'bytes of their queries': ['replica/pending-reads.ts#MAX_QUERY_BYTES'],
  'commands of `replica.applied` that are kept, and bytes of them and their results': [
    'replica/applied.ts#MAX_APPLIED_COMMANDS',
    'replica/applied.ts#MAX_APPLIED_BYTES',
  ],
  "calls under way of one client, or of a replica's process": ['call.ts#MAX_CALLS'],
  'bytes of their commands and queries': ['call.ts#MAX_CALL_BYTES'],
  'commands of one session ahead of the oldest unanswered one': ['machine/request.ts#SESSION_WINDOW'],
  "sessions of one client, or of a replica's process": ['machine/session-pool.ts#MAX_OWN_SESSIONS'],
  'requests under way of one client connection': ['replica/client-service.ts#MAX_UNDER_WAY'],
  'answers that one client has not read': [
    'replica/client-service.ts#MAX_UNREAD_BYTES',
    'net/client/link.ts#CLIENT_LIMIT_BYTES',
  ],
  'held for all clients: connections, requests, frames, unread answers': [
    'net/transport/client-load.ts#MAX_HELD_BYTES',
    'replica/held-bytes.ts#SMALL_BYTES',
    'net/transport/client-load.ts#MAX_HELD_AT_ALL_BYTES',
  ],
  'a frame of a client': ['net/transport/client-load.ts#MAX_CLIENT_FRAME_BYTES'],
  'frames of all clients whose end has not arrived': [
    'net/transport/unfinished-frames.ts#MAX_UNFINISHED_BYTES',
    'net/transport/unfinished-frames.ts#FRAME_TIMEOUT_MS',
  ],
  'done for all clients in one turn of the event loop': [
    'net/transport/turns.ts#MAX_TURN_UNITS',
    'net/transport/turns.ts#MAX_TURN_MS',
  ],
  'unsent of one client to one replica': ['net/client/link.ts#CLIENT_LIMIT_BYTES'],
  'client connections of one replica': ['net/transport/descriptors.ts#MAX_CLIENT_CONNECTIONS'],
  'transfers of the leadership that wait': ['replica/transfers.ts#MAX_TRANSFERS'],
  sessions: ['machine/sessions.ts#MAX_SESSIONS'],
  'results kept for them, all together': [
    'machine/sessions.ts#MAX_OUTCOME_BYTES',
    'machine/sessions.ts#OUTCOME_BYTES',
  ],
  'the message of what a state machine throws': ['machine/contract.ts#MAX_ERROR_TEXT_BYTES'],

  'the window: slots above the chosen watermark, leader mode': ['paxos/config.ts#DEFAULT_WINDOW.leader'],
  'the window, leaderless mode': ['paxos/config.ts#DEFAULT_WINDOW.leaderless'],
  'bytes of values under way of one leader': ['paxos/config.ts#MAX_FLIGHT_BYTES'],
  'proposals in that queue': ['paxos/config.ts#MAX_QUEUED'],
  'bytes that a server proposes ahead of its disk': ['replica/driver.ts#MAX_AHEAD_BYTES'],
  'bytes that wait for the disk': [
    'replica/driver.ts#MAX_UNWRITTEN_BYTES',
    'journal/journal.ts#MAX_GROUP_BYTES',
  ],
  'messages that wait for the disk': ['replica/driver.ts#MAX_HELD_MESSAGES'],
  'values in one message between servers': [
    'paxos/config.ts#MAX_MESSAGE_VALUES_BYTES',
    'paxos/config.ts#MAX_MESSAGE_SLOTS',
  ],
  'queries that follow something at one replica': [
    'replica/follows.ts#MAX_FOLLOWS',
    'replica/follows.ts#MAX_FOLLOW_BYTES',
  ],
  'a query that follows, without an answer': ['replica/follows.ts#IDLE_MS'],
  'a frame': ['net/transport/frame.ts#MAX_FRAME_BYTES'],
  'unsent to one peer': ['net/peer/link.ts#PEER_LIMIT_BYTES'],
  'peer connections of one replica': ['net/transport/descriptors.ts#MAX_PEER_CONNECTIONS'],
  'questions under way to catch up': [
    '1',
    'paxos/config.ts#MAX_MESSAGE_SLOTS',
    'paxos/config.ts#MAX_MESSAGE_VALUES_BYTES',
  ],
  'a record of the journal': ['journal/journal.ts#MAX_RECORD_BYTES'],
  'a segment of the journal': ['journal/open-journal.ts#DEFAULT_SEGMENT_SIZE_BYTES'],
  'free space on the disk, besides reserves': [
    'replica/space-limits.ts#LOW_BYTES',
    'replica/space-limits.ts#FULL_BYTES',
  ],
  'zeros ahead of the groups of a segment': [
    'journal/padding.ts#PADDED_FROM_BYTES',
    'journal/padding.ts#PADDING_BYTES',
  ],
  'reserves on the disk, besides a snapshot': [
    'replica/space-limits.ts#GROUPS_RESERVE_BYTES',
    'replica/space-limits.ts#TRIM_RESERVE_BYTES',
    'replica/space-limits.ts#SNAPSHOT_RESERVE_BYTES',
  ],
  'a chunk of a snapshot': ['machine/machine.ts#MAX_SNAPSHOT_CHUNK_BYTES'],
  'directories that a recovery reads': ['recovery/recover-cluster.ts#MAX_SOURCES'],
  'how far a recovered cluster begins above the old one': [
    'recovery/new-cluster.ts#MARGIN_SLOTS',
    'recovery/new-cluster.ts#MARGIN_BALLOTS',
  ],
  'waiting for the file of a trace': ['server/trace/trace-writer.ts#MOST_WAITING_BYTES'],
  'snapshots being written, and arriving': ['1'],
  'a snapshot that arrives': ['replica/catch-up.ts#MAX_SNAPSHOT_BYTES'],
  'a snapshot on its way, all peers and clients together': ['replica/snapshot-service.ts#RATE_BYTES_PER_S'],
  'clients that get a snapshot of a replica at once': [
    'replica/snapshot-service.ts#MAX_SAVING_CLIENTS',
    'replica/snapshot-service.ts#SAVE_PAUSE_FACTOR',
  ],
  'unsent to a peer that gets a snapshot': ['net/peer/link.ts#SNAPSHOT_LIMIT_BYTES'],
  'commands kept before a snapshot': ['replica/snapshots.ts#KEPT_BYTES'],
  'how far a voter may be behind, to be counted on when the voters change': [
    'replica/change-guard.ts#MAX_BEHIND_SLOTS',
  ],
  'digests remembered, of the own state and of each peer': ['replica/divergence.ts#MOST_DIGESTS'],

  'a key': ['1', 'server/kv/limits.ts#MAX_KEY_BYTES'],
  'keys in the answer to a range': [
    'server/kv/limits.ts#DEFAULT_RANGE_LIMIT',
    'server/kv/limits.ts#MAX_RANGE_LIMIT',
  ],
  'bytes of such an answer': ['server/kv/limits.ts#MAX_RANGE_BYTES'],
  'an integer that is counted with': ['server/kv/limits.ts#MAX_INTEGER_DIGITS'],
  'a key of the store': ['1', 'store/operations/limits.ts#MAX_KEY_BYTES'],
  'compares of a transaction, and operations of a branch': ['store/operations/limits.ts#MAX_TXN_OPERATIONS'],
  'what a transaction reads': ['store/operations/limits.ts#MAX_READ_BYTES'],
  'what a range of the store is answered with': ['store/operations/limits.ts#MAX_ANSWER_BYTES'],
  'the digits of an integer of the store': ['store/operations/limits.ts#MAX_INTEGER_DIGITS'],
  'the quota of the store': [
    'store/operations/limits.ts#DEFAULT_QUOTA_BYTES',
    'store/operations/limits.ts#MIN_QUOTA_BYTES',
    'store/operations/limits.ts#MAX_QUOTA_BYTES',
  ],
  'events that wait for a watcher, and for all of a replica': [
    'store/watch/watch-hub.ts#WAITING_BYTES',
    'store/watch/watch-hub.ts#HELD_BYTES',
  ],
  'connections to the metrics': ['server/metrics/metrics-server.ts#MAX_CONNECTIONS'],
  'a connection to the metrics': ['1', 'server/metrics/metrics-server.ts#CONNECTION_TIMEOUT_MS'],
  'the header of a request there': ['server/metrics/metrics-server.ts#MAX_HEADER_BYTES'],
  'lines that wait for a reader of stdout, or of stderr': [
    'server/terminal/line-writer.ts#MAX_UNWRITTEN_BYTES',
  ],
}

/** Limits by their names that are in no row, and why. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'store/leases/leases.ts#MAX_TTL_SECONDS': 'a time, in packages/store/README.md',
  'store/leases/leases.ts#MAX_LEASE_ID': 'the ids that clients of etcd choose',
  'store/watch/watch-index.ts#MOST_NEW': 'how much work is done at once',
  'store/watch/watch-hub.ts#MOST_REVISIONS': 'how much is handed over at once: the rest comes next',
  'bytes/address.ts#MAX_ADDRESS_BYTES': 'part of a message: the longest host name and a port',
  'client/silence-detector.ts#MOST_PERIODS': 'a time inside a client: when a replica counts as silent',
  'client/handle-table.ts#MAX_HANDLES': 'twice the calls under way, which have a row',
  'journal/identity.ts#MAX_CLUSTER_BYTES': 'the same as in net/hello.ts, which has a row',
  'journal/open-journal.ts#MAX_SEGMENT_SIZE_BYTES': 'of an option that only tests set',
  'storage/directory-lock.ts#MAX_SOCKET_PATH_BYTES': 'a limit of the system',
  'machine/change-codec.ts#MAX_MEMBERS': 'part of a record: more than the servers of a cluster',
  'machine/request.ts#MAX_TIME_MS': 'part of a record: the last moment that a Date can stand for',
  'net/transport/channel-listener.ts#MAX_LOOKS': 'how much work is done at once',
  'net/transport/receiver.ts#MAX_SHARE_MESSAGES': 'how much work is done at once: the rest is done next',
  'net/transport/descriptors.ts#MAX_RESERVE': 'part of how connections are divided, below the table',
  'replica/held-bytes.ts#MAX_SMALL_BYTES': 'the difference of two limits that have rows',
  'replica/refusal-log.ts#MAX_LINES': 'lines of a log',
  'net/transport/channel.ts#MAX_MESSAGE_BYTES': 'what fits into a frame, which has a row',
  'net/transport/receiver.ts#MAX_BATCH_MESSAGES': 'how much work is done at once: the rest is done next',
  'net/client/codec.ts#MAX_TEXT_BYTES': 'part of a message: a longer error message is cut',
  'paxos/ballot.ts#MAX_SEQ': 'part of a message: a ballot is one safe integer',
  'net/fields.ts#MAX_ORDINAL': 'part of a message: what a number holds exactly',
  'net/transport/frame.ts#MAX_HANDSHAKE_BYTES': 'part of a message',
  'machine/raise.ts#MAX_MEMBERS': 'part of a record: more than the servers of a cluster',
  'cluster/versions.ts#MAX_VERSION': 'part of a record: the highest version',
  'net/fields.ts#MAX_MEMBERS': 'part of a message: more than the servers of a cluster',
  'cluster/parameters.ts#MAX_QUORUM': 'part of a message: more than the servers of a cluster',
  'net/hello.ts#MAX_REASON_BYTES': 'part of a message',
  'net/peer/electorate.ts#MAX_CONFIGURATIONS':
    'part of a message: the membership has no more in force at the same time',
  'net/peer/messages.ts#MAX_WALL_MS': 'part of a message: the end of the year 9999',
  'service-pace.ts#MAX_RETRY_MS': 'a time, in docs/reference/errors.md#overloaded',
  'paxos/average.ts#MAX_AVERAGE_MS': 'a time inside the protocol',
  'paxos/leaderless/contention.ts#MAX_BACKOFF_MS': 'a time inside the protocol',
  'paxos/leaderless/contention.ts#MOST_RAISED':
    'how far a ballot is raised for a request that loses its slots',
  'paxos/leaderless/contention.ts#MAX_HEAD_START_MS': 'a time inside the protocol',
  'status.ts#MAX_APART_MS': 'a time, in docs/concepts/state-machines.md',
  'replica/log-time.ts#MAX_DRIFT': 'of clocks, in docs/decisions/0028-log-time.md',
  'replica/peer-directory.ts#MAX_GREETINGS':
    'of servers that are new to this one: the oldest is forgotten, and dials again',
  'replica/waiting-requests.ts#MAX_IDLE_SESSIONS':
    'memory for sessions that come back: more are set up again',
  'replica/waiting-requests.ts#MAX_LOST_MS': 'a time inside a replica',
  'replica/snapshots.ts#MOST_WORK_MS': 'how much work is done at once: the rest is done next',
  'snapshots/format.ts#MAX_HEADER_BYTES': 'part of a file',
  'snapshots/format.ts#MAX_PART_BYTES': 'part of a file: a chunk, which has a row',
}

const UNITS: readonly (readonly [string, number])[] = [
  ['TiB', 2 ** 40],
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
]

/** The number of a constant as the page writes it; its name says what it counts. */
function written(name: string, value: number): string {
  const plain = value.toLocaleString('en-US')
  if (name.endsWith('_MS')) return `${plain} ms`
  const bytes = /_BYTES(_PER_S)?$/.exec(name)
  if (bytes === null) return plain
  const [unit, size] = UNITS.find(([, size]) => value >= size && value % size === 0) ?? ['bytes', 1]
  return `${(value / size).toLocaleString('en-US')} ${unit}${bytes[1] === undefined ? '' : '/s'}`
}

/** All numbers of a row, with their units. `phase 1 and 2` is a name. */
function numbersIn(text: string): string[] {
  return (
    text.replaceAll(/phase 1 and 2/g, '').match(/\d[\d,]*(?: (?:[KMGT]iB(?:\/s)?|ms|bytes))?/g) ?? []
  ).map((number) => number.replace(/,$/, ''))
}

async function rowsOfPage(): Promise<Map<string, string>> {
  const page = await readFile(new URL('../../../docs/reference/limits.md', import.meta.url), 'utf8')
  const rows = page.replaceAll(/\n {2}/g, ' ').matchAll(/^- \*\*(.*?)\*\*: (.*)$/gm)
  return new Map([...rows].map(([, label = '', rest = '']) => [label, rest]))
}

test('every row has the numbers of the code, and no others', async () => {
  const constants = await Constants.read()
  const page = await rowsOfPage()
  expect([...page.keys()].sort()).toEqual(Object.keys(ROWS).sort())
  for (const [label, text] of page) {
    const expected = (ROWS[label] ?? []).map((each) =>
      each.includes('#') ? written(each, constants.value(each)) : each,
    )
    expect({ label, numbers: numbersIn(text) }).toEqual({ label, numbers: expected })
  }
})

test('every limit of the code has a row, or a reason for having none', async () => {
  const constants = await Constants.read()
  const limits = constants.names.filter(
    (name) =>
      /#(?:MAX|MOST)_|_LIMIT(?:_|$)/.test(name) &&
      !/^server\/(?:commands|terminal|bench|check|simulate|demo)\//.test(name),
  )
  expect(limits.length).toBeGreaterThan(50)
  const known = new Set([...Object.values(ROWS).flat(), ...Object.keys(ELSEWHERE)])
  expect(limits.filter((name) => !known.has(name))).toEqual([])
  const gone = Object.keys(ELSEWHERE).filter((name) => !limits.includes(name))
  expect(gone).toEqual([])
})
