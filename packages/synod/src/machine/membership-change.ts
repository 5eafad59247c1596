import { SynodError } from '../errors.js'
import { MAX_ADDRESS_BYTES } from '../bytes/address.js'
import { BOOLEAN, type Rules, checkOptions, required, wholeFrom } from '../options.js'
import { MAX_SERVER_ID, type ServerId } from '../paxos/ballot.js'
import type { Change } from '../paxos/membership.js'

/**
 * What can be done to the membership of a cluster. Ids are from 1 to 65,535, and none is used
 * twice.
 */
export type MembershipChange =
  | {
      /** A server that is new to the cluster, started with `join`. */
      readonly add: ServerId
      /** Where it listens for the others, as `host:port`. */
      readonly address: string
      /** It goes on learning, and never votes. */
      readonly learner?: boolean
      /** The server whose place it takes when it has caught up. */
      readonly replaces?: ServerId
    }
  | {
      /** A member, or a server that joins. */
      readonly update: ServerId
      /** Where it listens for the others from now on, as `host:port`. */
      readonly address: string
    }
  | {
      readonly remove: ServerId
      /**
       * Also where too few of the others are up and up to date to decide anything without it: then
       * nothing is decided until enough of them are back.
       */
      readonly force?: boolean
    }

/**
 * One host listens at it, and others can dial it: a port, and a host that does not mean the
 * reader's own machine.
 */
const ADDRESS = /^(?:\[[^\s[\]]+\]|[^\s:[\]]+):(\d{1,5})$/
const ANY_ADDRESS = /^(?:0+(?:\.0+){0,3}|\[[0:]*\]):/
const ID = wholeFrom(1, MAX_SERVER_ID)

const PEER_ADDRESS = required({
  may: `host:port, of up to ${MAX_ADDRESS_BYTES} bytes, which the other servers can dial`,
  fits: (value) =>
    typeof value === 'string' && isPeerAddress(value) && Buffer.byteLength(value) <= MAX_ADDRESS_BYTES,
})

const REMOVE: Rules = { remove: required(ID), force: BOOLEAN }
const UPDATE: Rules = { update: required(ID), address: PEER_ADDRESS }
const ADD: Rules = {
  add: required(ID),
  address: PEER_ADDRESS,
  learner: BOOLEAN,
  replaces: ID,
}

/** Throws `invalid-options`. */
export function checkChange(change: MembershipChange): Change {
  const given: unknown = change
  const has = (name: string) => typeof given === 'object' && given !== null && Object.hasOwn(given, name)
  checkOptions('a change of the membership', change, has('remove') ? REMOVE : has('update') ? UPDATE : ADD)
  if ('remove' in change) return { type: 'remove', server: change.remove, isForced: change.force ?? false }
  if ('update' in change) return { type: 'update', server: change.update, address: change.address }
  const { add, address, learner = false, replaces } = change
  if (learner && replaces !== undefined)
    throw new SynodError(
      'invalid-options',
      'a server that never votes cannot take the place of one that does: learner and replaces exclude each other',
    )
  return { type: 'add', server: add, address, role: learner ? 'learner' : 'joining', replaces: replaces ?? 0 }
}

function isPeerAddress(text: string): boolean {
  const port = Number(ADDRESS.exec(text)?.[1] ?? 0)
  return port >= 1 && port <= 65_535 && !ANY_ADDRESS.test(text)
}
