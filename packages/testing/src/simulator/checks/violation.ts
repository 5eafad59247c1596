/** What a simulation can find. */
export type ViolationKind =
  /** An invariant does not hold of what is durable, or a replica says so of itself. */
  | 'invariant'
  /** Two replicas have executed different commands in a slot, or one has left a slot out. */
  | 'agreement'
  /** A replica has taken a server that lost its disk for what it was before. */
  | 'stranger'
  /** A request was executed in two slots. */
  | 'executed-twice'
  /** Clients have seen what no single copy of the state could have shown them. */
  | 'not-linearizable'
  /** A stale answer is not that of its slot, or is older than was asked for. */
  | 'wrong-slot'
  /** A client or a server has sent what it should not, by what it knew. */
  | 'wrong-message'
  /** The state machine made different things of the same commands, or used the clock or chance. */
  | 'non-determinism'
  /** Log time went back, or away from the right time though most voters had right clocks. */
  | 'wrong-time'
  /** A replica did or held more for clients than docs/reference/limits.md allows. */
  | 'over-limit'
  /** A healed majority did not answer in time. */
  | 'no-progress'
  /** A replica gave up for a reason that no fault has given it. */
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
