import { SynodError } from '../errors.js'
import { MAX_ADDRESS_BYTES } from '../bytes/address.js'
import { MAX_SERVER_ID, type ServerId } from '../paxos/ballot.js'
import type { Change } from '../paxos/membership.js'

/** What can be done to the membership of a cluster. Ids are from 1 to 65,535, and none is used twice. */
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
  | { readonly remove: ServerId }

const ADDRESS = /^\S+:\d{1,5}$/

/** Throws `invalid-options`. */
export function checkChange(change: MembershipChange): Change {
  if ('remove' in change) return { type: 'remove', server: checkId(change.remove) }
  const { add, address, learner = false, replaces } = change
  if (!ADDRESS.test(address)) throw invalid(`an address is host:port, not ${address}`)
  if (Buffer.byteLength(address) > MAX_ADDRESS_BYTES)
    throw invalid(`an address has at most ${MAX_ADDRESS_BYTES} bytes`)
  if (learner && replaces !== undefined)
    throw invalid('a server that never votes cannot take the place of one that does')
  return {
    type: 'add',
    server: checkId(add),
    address,
    role: learner ? 'learner' : 'joining',
    replaces: replaces === undefined ? 0 : checkId(replaces),
  }
}

function checkId(server: ServerId): ServerId {
  if (Number.isInteger(server) && server >= 1 && server <= MAX_SERVER_ID) return server
  throw invalid(`a server id is from 1 to ${MAX_SERVER_ID}, not ${String(server)}`)
}

function invalid(message: string): SynodError {
  return new SynodError('invalid-options', message)
}
