import type { ServerId, Slot } from '../paxos/ballot.js'

/** Replicas tell each other what their digest is at every slot that is a multiple of this. */
export const DIGEST_EVERY_SLOTS = 256

/** How many digests are remembered of this replica, and of each peer. */
const MOST_DIGESTS = 64

export interface DivergenceParts {
  /** How many servers there are, this one included. */
  readonly servers: () => number
  /** More than half of all servers came to another state than this one did: this one is wrong. */
  readonly onDiverged: (at: Disagreement) => void
  /** A peer has another state, and there are too few servers to tell which one is wrong. */
  readonly onDisagreement: (at: Disagreement) => void
}

/**
 * Who differs from this replica, at which slot, and up to which slot they were still known to agree
 * (0 if not at all).
 */
export interface Disagreement {
  readonly slot: Slot
  readonly agreed: Slot
  readonly with: readonly ServerId[]
}

/**
 * Compares what replicas have come to. All execute the same commands in the same order, so at one
 * slot all have the same digest, over commands and results, unless a state machine depends on
 * something else, or memory or disk have lied.
 */
export class Divergence {
  readonly #parts: DivergenceParts
  readonly #own = new Map<Slot, number>()
  readonly #theirs = new Map<ServerId, Map<Slot, number>>()
  #agreed: Slot = 0
  /** Those with whom a disagreement has been told. */
  readonly #told = new Set<ServerId>()

  constructor(parts: DivergenceParts) {
    this.#parts = parts
  }

  /** This replica has executed a slot at which digests are compared. */
  executed(slot: Slot, digest: number): void {
    remember(this.#own, slot, digest)
    this.#compare(slot)
  }

  /** A peer has executed it. */
  onDigest(from: ServerId, slot: Slot, digest: number): void {
    let theirs = this.#theirs.get(from)
    if (theirs === undefined) this.#theirs.set(from, (theirs = new Map<Slot, number>()))
    remember(theirs, slot, digest)
    this.#compare(slot)
  }

  /** The state has been replaced by that of a peer. */
  restored(): void {
    this.#own.clear()
  }

  #compare(slot: Slot): void {
    const own = this.#own.get(slot)
    if (own === undefined) return
    const said = [...this.#theirs].flatMap(([server, digests]) => {
      const digest = digests.get(slot)
      return digest === undefined ? [] : [{ server, digest }]
    })
    const others = said.filter(({ digest }) => digest !== own)
    if (others.length === 0) {
      if (said.length > 0) this.#agreed = Math.max(this.#agreed, slot)
      return
    }
    const at = { slot, agreed: this.#agreed, with: others.map(({ server }) => server) }
    if (
      others.some(
        ({ digest }) => 2 * others.filter((it) => it.digest === digest).length > this.#parts.servers(),
      )
    )
      this.#parts.onDiverged(at)
    else if (at.with.some((server) => !this.#told.has(server))) {
      for (const server of at.with) this.#told.add(server)
      this.#parts.onDisagreement(at)
    }
  }
}

function remember(digests: Map<Slot, number>, slot: Slot, digest: number): void {
  digests.set(slot, digest)
  for (const oldest of digests.keys()) {
    if (digests.size <= MOST_DIGESTS) break
    digests.delete(oldest)
  }
}
