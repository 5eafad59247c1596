import type { ServerId, Slot } from 'synod/internal/paxos/ballot.js'
import { type Change, Membership, foundingMembership } from 'synod/internal/paxos/membership.js'
import { Chance } from '../chance.js'
import { Violation } from '../simulator/checks/violation.js'

const SLOTS = 200
const MOST_SERVERS = 31

interface MemberTwin {
  role: 'voter' | 'joining' | 'learner'
  readonly replaces: ServerId
  address: string
  acceptor: string
}

/** The voters from a slot on. */
interface Reign {
  readonly first: Slot
  readonly voters: readonly ServerId[]
}

/**
 * Changes of the membership, sensible or not, in a row of slots, made to a Membership and to a dumb
 * twin that forgets nothing. Both must have the same members at each slot, the same voters in it,
 * and majorities of them for quorums. Throws a Violation.
 */
export function exploreMembershipRules(seed: number): void {
  const chance = new Chance(seed ^ 0x72756c65)
  const window = 1 + chance.below(chance.pick([2, 8, 30]))
  const founders = Array.from({ length: 1 + chance.below(5) }, (_, index) => index + 1)
  const it = new Membership(foundingMembership(founders), window)
  const members = new Map<ServerId, MemberTwin>(
    founders.map((server) => [server, { role: 'voter', replaces: 0, address: '', acceptor: '' }]),
  )
  const reigns: Reign[] = [{ first: 1, voters: founders }]
  let highest = founders.length
  const latest = () => reigns.at(-1) ?? { first: 1, voters: [] }
  const make = (slot: Slot, change: Change): boolean => {
    const member = members.get(change.server)
    switch (change.type) {
      case 'add': {
        const { address, replaces, role, server } = change
        if (member !== undefined)
          return member.address === address && (member.role === 'voter' || member.role === role)
        if (server <= highest || members.size >= MOST_SERVERS) return false
        if ([...members.values()].some((other) => other.address === address)) return false
        if (replaces !== 0 && members.get(replaces)?.role !== 'voter') return false
        members.set(server, { role, replaces, address, acceptor: '' })
        highest = server
        return true
      }
      case 'update': {
        if (member === undefined) return false
        const holder = [...members].find(([, other]) => other.address === change.address)
        if (holder !== undefined) return holder[0] === change.server
        member.address = change.address
        return true
      }
      case 'promote': {
        if (member === undefined) return false
        if (member.role === 'voter') return true
        if (slot < latest().first) return false
        const voters = [...latest().voters.filter((id) => id !== member.replaces), change.server]
        reigns.push({ first: slot + window, voters })
        members.delete(member.replaces)
        members.set(change.server, { ...member, role: 'voter', replaces: 0, acceptor: change.acceptor })
        return true
      }
      case 'remove':
        if (member === undefined) return change.server <= highest
        if (member.role === 'voter') {
          const voters = latest().voters.filter((id) => id !== change.server)
          if (slot < latest().first || voters.length === 0) return false
          reigns.push({ first: slot + window, voters })
        }
        members.delete(change.server)
        return true
      case 'refuse':
        return false
    }
  }
  for (let slot = 1; slot <= SLOTS; slot++) {
    const change = chance.happens(0.4) ? drawAny(chance, highest) : undefined
    const [done, outcome] = [change === undefined ? undefined : make(slot, change), it.apply(slot, change)]
    const what = `slot ${slot}, ${JSON.stringify(change)}`
    require(done ===
      (outcome === undefined
        ? undefined
        : outcome.result === 'done'), `${what} came to ${outcome?.result ?? 'nothing'}`)
    const shown = it.state.members.map(({ acceptor, address, replaces, role, server }) =>
      [server, role, replaces, address, acceptor].join(' '),
    )
    const wanted = [...members].map(([server, { acceptor, address, replaces, role }]) =>
      [server, role, replaces, address, acceptor].join(' '),
    )
    require(String(shown.sort()) ===
      String(wanted.sort()), `${what}: members ${String(shown)}, not ${String(wanted)}`)
    for (let later = slot + 1; later <= slot + window; later++) {
      const { quorums, voters } = it.at(later)
      const reign = reigns.findLast(({ first }) => first <= later) ?? latest()
      const majority = Math.floor(reign.voters.length / 2) + 1
      const fits = String([...voters].sort(byId)) === String([...reign.voters].sort(byId))
      require(fits &&
        quorums.phase1 === majority &&
        quorums.phase2 ===
          majority, `${what}: ${String(voters)} decide slot ${later}, not ${String(reign.voters)}`)
    }
    // A snapshot tells all there is to know.
    if (chance.happens(0.1)) it.replace(structuredClone(it.state))
  }
}

function drawAny(chance: Chance, highest: ServerId): Change {
  const server = 1 + chance.below(highest + 2)
  const acceptor = chance.happens(0.8) ? `a${chance.below(1000)}` : ''
  const dice = chance.next()
  if (dice < 0.4) return { type: 'promote', server: Math.max(1, highest - chance.below(2)), acceptor }
  if (dice < 0.6) return { type: 'remove', server, isForced: chance.happens(0.5) }
  if (dice < 0.65) return { type: 'refuse', server, reason: 'no' }
  if (dice < 0.75) return { type: 'update', server, address: `a:${1 + chance.below(highest + 2)}` }
  const replaces = chance.happens(0.5) ? 1 + chance.below(highest) : 0
  const role = chance.happens(0.8) ? 'joining' : 'learner'
  return {
    type: 'add',
    server: chance.happens(0.8) ? highest + 1 : server,
    address: `a:${chance.happens(0.8) ? highest + 1 : server}`,
    role,
    replaces: role === 'learner' ? 0 : replaces,
  }
}

function byId(a: ServerId, b: ServerId): number {
  return a - b
}

function require(holds: boolean, message: string): void {
  if (!holds) throw new Violation('invariant', message)
}
