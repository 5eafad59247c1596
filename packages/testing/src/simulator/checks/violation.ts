/**
 * What a simulation can find.
 * - `invariant`: the protocol's invariants do not hold of what is durable, or a replica says so of
 *   itself.
 * - `agreement`: two replicas have executed different commands in a slot, or one has left a slot
 *   out.
 * - `stranger`: a replica has taken a server that lost its disk for what it was before.
 * - `executed-twice`: a request was executed in two slots.
 * - `not-linearizable`: clients have seen what no single copy of the state could have shown them.
 * - `wrong-slot`: a stale answer is not that of the slot that it names, or is older than was asked
 *   for.
 * - `wrong-message`: a client or a server has sent what it should not, by what it knew.
 * - `non-determinism`: the state machine made different things of the same commands, or asked the
 *   clock or chance.
 * - `wrong-time`: log time went back, or away from the right time though a majority of the voters
 *   had right clocks.
 * - `over-limit`: a replica did or held more for clients than docs/reference/limits.md says, or
 *   still holds something for those that are gone.
 * - `no-progress`: a healed majority did not answer in time.
 * - `unexpected-failure`: a replica gave up for a reason that no fault has given it.
 */
export type ViolationKind =
  | 'invariant'
  | 'agreement'
  | 'stranger'
  | 'executed-twice'
  | 'not-linearizable'
  | 'wrong-slot'
  | 'wrong-message'
  | 'non-determinism'
  | 'wrong-time'
  | 'over-limit'
  | 'no-progress'
  | 'unexpected-failure'

/** Something that must not happen has happened. */
export class Violation extends Error {
  override readonly name = 'Violation'
  readonly kind: ViolationKind

  constructor(kind: ViolationKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
  }
}
