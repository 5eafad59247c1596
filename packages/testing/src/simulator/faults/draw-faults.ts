import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { Chance } from '../../chance.js'
import { drawLeftBytes } from './draw-fullness.js'
import { FAULT_KINDS, type Fault, type FaultKind } from './faults.js'

const MOST_FAULTS = 60

/** Faults that a server alone cannot have. */
const BETWEEN_SERVERS: ReadonlySet<FaultKind> = new Set<FaultKind>(['isolation', 'lossy'])

interface Targets {
  readonly ids: readonly ServerId[]
  readonly clients: number
  /**
   * The servers whose disks may be lost. Of more than a minority, nothing could tell the rest from
   * a new cluster.
   */
  readonly losable: readonly ServerId[]
  /** The servers on whose disks bits may turn over. */
  readonly rotten: readonly ServerId[]
  /** The servers whose wall clocks may be wrong. */
  readonly wrong: readonly ServerId[]
}

/** Draws the faults of one seed: some kinds and not others, often or rarely. */
export class FaultDraw {
  readonly #chance: Chance
  readonly #targets: Targets
  readonly #kinds: readonly FaultKind[]

  constructor(chance: Chance, targets: Targets) {
    this.#chance = chance
    this.#targets = targets
    const share = chance.between(0.1, 0.8)
    const possible = FAULT_KINDS.filter(
      (kind) =>
        (targets.losable.length > 0 || kind !== 'lost-disk') &&
        (targets.rotten.length > 0 || kind !== 'bit-rot') &&
        (targets.ids.length > 1 || !BETWEEN_SERVERS.has(kind)),
    )
    this.#kinds = possible.filter(() => chance.happens(share))
  }

  all(durationMs: number): Fault[] {
    const chance = this.#chance
    const faults: Fault[] = []
    const gapMs = chance.pick([60, 200, 600])
    for (let atMs = chance.between(0, gapMs); atMs < durationMs; atMs += chance.between(0, 2 * gapMs)) {
      if (this.#kinds.length === 0 || faults.length === MOST_FAULTS) break
      faults.push(this.#one(atMs))
    }
    return faults
  }

  #one(atMs: number): Fault {
    const chance = this.#chance
    const { clients, ids, losable, rotten, wrong } = this.#targets
    const kind = chance.pick(this.#kinds)
    const forMs = chance.between(0, chance.pick([20, 300, 2000]))
    const onServer = { atMs, forMs, server: chance.pick(ids) }
    const to = chance.pick(ids)
    const client = `c${1 + chance.below(clients)}`
    const others = ids.filter((id) => id !== to)
    const other = others.length === 0 ? to : chance.pick(others)
    const onWay = { atMs, forMs, to, from: others.length === 0 || chance.happens(0.2) ? client : other }
    const dice = chance.next()
    switch (kind) {
      case 'power-failure':
        return { kind, ...onServer, silent: dice < 0.4 }
      case 'death-while-writing':
        return { kind, ...onServer, changes: chance.below(12) }
      case 'clock-jump':
        return {
          kind,
          ...onServer,
          server: wrong[onServer.server % wrong.length] ?? onServer.server,
          byMs: chance.between(-1e8, 1e8),
        }
      case 'isolation':
        return { kind, ...onServer, reset: dice < 0.5 }
      case 'slow-disk':
        return { kind, ...onServer, syncMs: chance.between(10, 600) }
      case 'kill':
      case 'pause':
      case 'stuck-disk':
      case 'failed-fsync':
        return { kind, ...onServer }
      case 'full-disk':
        return { kind, ...onServer, leftBytes: drawLeftBytes(dice) }
      case 'full-disks':
        return { kind, atMs, forMs, leftBytes: drawLeftBytes(dice) }
      case 'bit-rot':
        return { kind, ...onServer, server: chance.pick(rotten), bits: 1 + chance.below(4) }
      case 'lost-disk':
        return { kind, ...onServer, server: chance.pick(losable) }
      case 'cut':
        return { kind, ...onWay, oneWay: dice < 0.4, reset: chance.happens(0.5) }
      case 'flapping':
        return { kind, ...onWay, periodMs: chance.between(5, 200) }
      case 'lossy': {
        const most = chance.between(0, 0.5)
        const [loss, duplication, reordering] = [chance.next(), chance.next(), chance.next()]
        const rates = { loss: most * loss, duplication: most * duplication, reordering: most * reordering }
        return { kind, ...onWay, from: other, ...rates }
      }
      case 'reset':
      case 'garbling':
        return { kind, ...onWay }
      case 'outage':
        return { kind, atMs, forMs }
      case 'client-kill':
        return { kind, atMs, forMs, client: 1 + chance.below(clients) }
      case 'transfer':
      case 'shutdown':
      case 'upgrade':
      case 'removal':
        return { kind, ...onServer }
      case 'clock-run':
        return { kind, ...onServer, rate: chance.between(-2, 4) }
      case 'slow-way':
        return { kind, ...onWay, delayMs: chance.between(0, 100) }
      case 'hostile-clients':
      case 'idle-clients':
        return { kind, ...onServer, clients: 1, seed: chance.seed() }
      case 'old-copy':
        return { kind, ...onServer }
      case 'join':
        return { kind, ...onServer, replaces: 0 }
    }
  }
}
