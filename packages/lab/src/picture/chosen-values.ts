import type { Ballot, ServerId, Slot } from 'synod-testing/script'
import type { Picture, PictureConfiguration } from './picture.js'

/** A value became chosen, whether or not a server knows. */
export interface ChosenValue {
  readonly slot: Slot
  readonly value: string
  readonly ballot: Ballot
  /** The place in the picture of the event with which it did. */
  readonly event: number
  /**
   * Whose durable votes at this ballot made it chosen, in the order in which they became durable.
   */
  readonly quorum: readonly ServerId[]
}

/**
 * What is chosen by the durable votes in a picture: in each slot the first value for which a quorum
 * of the servers that decide it has votes at one ballot. Any other value with a quorum
 * in the same slot follows as a choice of its own: it must never be there.
 */
export function chosenValues({ configurations, events }: Picture): readonly ChosenValue[] {
  const choices: ChosenValue[] = []
  const votes = new Map<string, ServerId[]>()
  const chosen = new Map<Slot, Set<string>>()
  for (const [index, event] of events.entries()) {
    if (event.kind !== 'durable') continue
    const server = Number(event.actor.slice(1))
    for (const record of event.records) {
      if (record.type !== 'vote') continue
      const { ballot } = record
      for (const [offset, value] of record.values.entries()) {
        const slot = record.first + offset
        const { quorums, voters } = governing(configurations, slot)
        if (!voters.includes(server)) continue
        const key = `${slot} ${ballot.seq} ${ballot.server} ${value}`
        const voted = votes.get(key) ?? []
        if (voted.includes(server)) continue
        votes.set(key, [...voted, server])
        const values = chosen.get(slot) ?? new Set()
        if (voted.length + 1 < quorums.phase2 || values.has(value)) continue
        chosen.set(slot, values.add(value))
        choices.push({ slot, value, ballot, event: index, quorum: [...voted, server] })
      }
    }
  }
  return choices
}

/** The last one that is in force in this slot. */
function governing(configurations: Picture['configurations'], slot: Slot): PictureConfiguration {
  return configurations.findLast(({ first }) => first <= slot) ?? configurations[0]
}
