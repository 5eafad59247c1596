import { MAX_VERSION } from '../cluster/versions.js'
import { checkMachine } from '../machine/contract.js'
import { MAX_CLUSTER_BYTES } from '../net/hello.js'
import {
  BOOLEAN,
  FUNCTION,
  LOGGER,
  type Rule,
  type Rules,
  TIMEOUT_MS,
  group,
  numberFrom,
  oneOf,
  required,
  textOf,
  wholeFrom,
  withMethods,
} from '../options.js'
import { MAX_SERVER_ID } from '../paxos/ballot.js'
import { MAX_SERVERS } from '../paxos/quorum.js'
import { MAX_WAITING_REQUESTS } from './waiting-requests.js'

export const MAX_LEASE_MS = 600_000

/** Of each key of `cluster.servers`, as a number. */
export const SERVER_ID = wholeFrom(1, MAX_SERVER_ID)

const SERVERS: Rule = {
  may: `an object with the addresses of 1 to ${MAX_SERVERS} servers by their ids`,
  fits(value) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
    const count = Object.keys(value).length
    return count >= 1 && count <= MAX_SERVERS
  },
}

const QUORUM = required(wholeFrom(1, MAX_SERVERS))

const MACHINE: Rule = {
  may: 'an object with the methods apply, query',
  fits(value) {
    checkMachine(value)
    return true
  },
}

const VERSION = required(wholeFrom(1, MAX_VERSION))
const VERSIONS = group({ oldest: VERSION, newest: VERSION })

const HOST = group({
  clock: withMethods('now', 'wallTime', 'timer', 'next', 'soon'),
  disk: withMethods('open', 'read', 'list', 'lock', 'rename', 'remove', 'syncDirectory'),
  network: withMethods('connect', 'listen'),
  random: FUNCTION,
  randomBytes: FUNCTION,
  randomId: FUNCTION,
  descriptors: FUNCTION,
  crash: FUNCTION,
  window: wholeFrom(1, 1e6),
  archiveBlockBytes: wholeFrom(1, 1 << 30),
  build: group({ protocols: required(VERSIONS), formats: required(VERSIONS) }),
  space: group({
    lowBytes: wholeFrom(0, 2 ** 50),
    fullBytes: wholeFrom(0, 2 ** 50),
    groupsBytes: wholeFrom(0, 2 ** 30),
    trimBytes: wholeFrom(0, 2 ** 30),
    snapshotBytes: wholeFrom(0, 2 ** 30),
    padding: group({ fromBytes: wholeFrom(0, 2 ** 30), mostBytes: wholeFrom(0, 2 ** 30) }),
  }),
})

/**
 * What each option of `Replica.open` may be by itself. `checkReplicaOptions` checks combinations.
 */
export const REPLICA_RULES: Rules = {
  id: required(SERVER_ID),
  join: BOOLEAN,
  cluster: required(
    group({
      name: textOf(1, MAX_CLUSTER_BYTES),
      servers: required(SERVERS),
      quorums: group({ phase1: QUORUM, phase2: QUORUM }),
      leaseMs: wholeFrom(0, MAX_LEASE_MS),
    }),
  ),
  dataDir: required(textOf(1, 4096)),
  machine: required(MACHINE),
  mode: oneOf('leader', 'leaderless'),
  clients: textOf(1, 512),
  listen: textOf(1, 512),
  heartbeatMs: numberFrom(1, 60_000),
  electionTimeoutMs: numberFrom(2, 600_000),
  requestTimeoutMs: TIMEOUT_MS,
  maxWaiting: wholeFrom(1, MAX_WAITING_REQUESTS),
  snapshots: group({
    everySlots: wholeFrom(1, 1e9),
    everyBytes: wholeFrom(1, 2 ** 40),
    keepSlots: wholeFrom(0, 1e6),
    chunkBytes: wholeFrom(1, 2 ** 20),
  }),
  logger: LOGGER,
  trace: FUNCTION,
  onFatal: FUNCTION,
  host: HOST,
}
