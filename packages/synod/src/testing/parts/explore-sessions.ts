import type { Outcome } from '../../machine/outcome.js'
import type { Request, SessionId } from '../../machine/request.js'
import { Sessions } from '../../machine/sessions.js'
import type { Slot } from '../../paxos/ballot.js'
import { Chance } from '../chance.js'
import { Violation } from '../simulator/checks/violation.js'

const SLOTS = 400
const OTHERS = 2

type Step =
  | { readonly type: 'open' }
  | { readonly type: 'execute'; readonly request: Request; readonly result: Uint8Array }

/**
 * Tables of sessions with little room, so that sessions end all the time: one sees every request, the others are put in the
 * state of the first by snapshots now and then, whatever they held before. From equal states all must go on alike. Throws a Violation.
 */
export function exploreSessions(seed: number): void {
  const chance = new Chance(seed ^ 0x73657373)
  const limit = 1 + chance.below(8)
  const limit_bytes = Math.ceil(20 * 50 ** chance.next())
  const table = () => ({ sessions: new Sessions(limit, limit_bytes), slot: 0 })
  const first = table()
  const others = Array.from({ length: OTHERS }, table)
  const steps: Step[] = []
  const outcomes: string[] = []
  const opened: SessionId[] = []
  const advance = (one: ReturnType<typeof table>, to: Slot) => {
    while (one.slot < to) {
      const slot = ++one.slot
      const outcome = take(one.sessions, slot, steps[slot - 1])
      const wanted = (outcomes[slot - 1] ??= outcome)
      if (outcome !== wanted)
        throw new Violation(
          'agreement',
          `slot ${slot} came to '${outcome}' where snapshots were taken in, and else to '${wanted}'`,
        )
    }
  }
  for (let slot = 1; slot <= SLOTS; slot++) {
    const opens = opened.length === 0 || chance.happens(0.1)
    steps.push(opens ? { type: 'open' } : draw(chance, opened))
    if (opens) opened.push(slot)
    advance(first, slot)
    for (const other of others) {
      if (chance.happens(0.2)) advance(other, Math.min(slot, other.slot + chance.below(8)))
      if (!chance.happens(0.05)) continue
      const told = [...first.sessions.snapshot()]
      const restoration = other.sessions.restoration()
      for (const piece of told) restoration.take(piece)
      restoration.end()
      other.slot = first.slot
      if (other.sessions.size !== first.sessions.size)
        throw new Violation(
          'agreement',
          `a snapshot of ${first.sessions.size} sessions made ${other.sessions.size}`,
        )
    }
  }
  for (const other of others) advance(other, SLOTS)
}

function draw(chance: Chance, opened: readonly SessionId[]): Step {
  const recent = opened.slice(-10)
  const sequence = 1 + chance.below(12)
  const acknowledged = chance.happens(0.3) ? chance.below(sequence) : 0
  const request: Request = {
    kind: 'command',
    time_ms: 0,
    session: chance.pick(recent),
    sequence,
    acknowledged,
    command: new Uint8Array(0),
  }
  return { type: 'execute', request, result: Buffer.alloc(chance.below(12), chance.below(256)) }
}

function take(sessions: Sessions, slot: Slot, step: Step | undefined): string {
  if (step === undefined || step.type === 'open') return `session ${sessions.open(slot)}`
  const run = (): Outcome => ({ status: 'done', result: step.result })
  const { result, status } = sessions.execute(slot, step.request, run)
  return `${status} ${Buffer.from(result).toString('hex')}, ${sessions.size} sessions`
}
