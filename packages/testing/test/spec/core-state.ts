import type { Slot } from 'synod/internal/paxos/ballot.js'
import type { PaxosConfig } from 'synod/internal/paxos/config.js'
import type { Instance } from 'synod/internal/paxos/leaderless/instances.js'
import type { SlotState } from 'synod/internal/paxos/log.js'
import type { PaxosState } from 'synod/internal/paxos/paxos.js'
import { textOf } from './messages.js'
import type { SpecInstance, SpecJournal, SpecProposer, SpecRole } from './trace.js'

// The state of the core in the form of the specification.

export function journalOf({ acceptor, log }: PaxosState): SpecJournal {
  const slots = [...log.pages.values()]
    .flatMap((page) => Object.entries(page))
    .filter((entry): entry is [string, SlotState] => entry[1] !== undefined)
  return {
    promised: acceptor.promised,
    log: new Map(
      slots.map(([slot, { promised, ballot, value, chosen }]) => [
        Number(slot),
        { promised, ballot, value: textOf(value), chosen: textOf(chosen) },
      ]),
    ),
  }
}

export function proposerOf(state: PaxosState, config: PaxosConfig): SpecProposer {
  return config.mode === 'leader' ? { role: roleOf(state) } : instancesOf(state)
}

function roleOf({ leader: { role } }: PaxosState): SpecRole {
  switch (role.name) {
    case 'follower':
      return { tag: 'Follower', value: [] }
    case 'candidate': {
      const { ballot, phase1 } = role
      return { tag: 'Candidate', value: { ballot, first: phase1.first, promised: phase1.from } }
    }
    case 'leader': {
      const { ballot, next, flights } = role
      const voters = new Map(
        [...flights.values()].map(({ first, values, votes }) => [
          values.map((_, offset) => first + offset),
          votes,
        ]),
      )
      return { tag: 'Leader', value: { ballot, next, voters } }
    }
  }
}

const PHASES = { prepare: 'Preparing', ready: 'Ready', accept: 'Accepting', waiting: 'Waiting' } as const

function instancesOf({ leaderless }: PaxosState): ReadonlyMap<Slot, SpecInstance> {
  const { instances, requests } = leaderless
  const specOf = ({ step, ballot, seen, request, answered }: Instance): SpecInstance => ({
    phase: { tag: PHASES[step], value: [] },
    ballot,
    seen,
    request: textOf(requests.get(request)?.value),
    answered: answered,
  })
  return new Map([...instances].map(([slot, instance]) => [slot, specOf(instance)]))
}
