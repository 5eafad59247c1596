import type { ServerId } from 'synod/internal/paxos/ballot.js'
import { Chance } from '../../chance.js'
import { type Fault, faultedServer } from './faults.js'

/**
 * For most seeds in which no server is lost: servers join, and others go, but for one of the first.
 */
export function drawChanges(seed: number, ids: readonly ServerId[], durationMs: number): Fault[] {
  const chance = new Chance(seed ^ 0x6d656d62)
  if (chance.happens(0.3)) return []
  const stays = chance.pick(ids)
  const going = ids.filter((id) => id !== stays)
  const goes = (): ServerId => going.splice(chance.below(going.length), 1)[0] ?? 0
  const timesMs = Array.from({ length: 1 + chance.below(5) }, () => chance.between(0, durationMs))
  let next = ids.length + 1
  return timesMs
    .sort((a, b) => a - b)
    .flatMap((atMs): Fault[] => {
      const timed = { atMs, forMs: 0 }
      if (chance.happens(0.6))
        return [{ kind: 'join', ...timed, server: next++, replaces: chance.happens(0.4) ? goes() : 0 }]
      const server = goes()
      return server === 0 ? [] : [{ kind: 'removal', ...timed, server }]
    })
}

/**
 * For most seeds in which no server is lost: some or all servers, and some that join, are upgraded
 * one after the other.
 */
export function drawUpgrades(
  seed: number,
  ids: readonly ServerId[],
  changes: readonly Fault[],
  durationMs: number,
): { readonly old?: readonly ServerId[]; readonly faults: readonly Fault[] } {
  const chance = new Chance(seed ^ 0x75706772)
  if (chance.happens(0.4)) return { faults: [] }
  const first = chance.happens(0.8) ? ids : ids.filter(() => chance.happens(0.6))
  const endMs = chance.between(durationMs / 8, durationMs)
  const upgrade = (server: ServerId, fromMs: number, toMs: number): Fault => {
    const atMs = chance.between(fromMs, toMs)
    return { kind: 'upgrade', atMs, forMs: chance.between(0, 300), server }
  }
  // Also after the first ones have been upgraded, servers with the old build try to join.
  const joining = changes.filter(({ kind }) => kind === 'join' && chance.happens(0.5))
  const faults = [
    ...first.map((server) => upgrade(server, 0, endMs)),
    ...joining.map((fault) => upgrade(faultedServer(fault), fault.atMs, durationMs)),
  ]
  const old = [...first, ...joining.map(faultedServer)]
  // Now and then one is left for the end.
  return { old, faults: chance.happens(0.2) ? faults.slice(1) : faults }
}

/**
 * Small, so that changes of the membership take force soon, and many slots are at the edge of it.
 */
export function drawWindow(seed: number): number {
  const chance = new Chance(seed ^ 0x77696e64)
  return 1 + chance.below(chance.pick([4, 40, 400]))
}
