import type { Lab } from './lab.js'

/** What is checked after each step, of all that is durable and all that a server says. */
const INVARIANTS = [
  'Nobody promises or votes below a ballot that it has promised or voted at.',
  'At one ballot, there is one value in a slot.',
  'What a server takes to be chosen, a quorum of that slot has durable votes for at one ballot.',
  'What is chosen in a slot stays: no other value ever is.',
  'No message tells of a promise or a vote that is not durable.',
  'Nobody votes in a slot before it is known who decides it.',
  'All servers execute the same values, in the order of their slots.',
  'snapshotted ≤ executed ≤ chosen ≤ voted, on each server.',
  'A linearizable read sees all that was executed anywhere before it began.',
]

/** Whether all invariants hold, and which they are. */
export function Invariants({ lab }: { readonly lab: Lab }) {
  const violation = lab.violation.value
  return (
    <section aria-label="Invariants">
      <details>
        <summary class={violation === undefined ? 'held' : 'alarm'}>
          {violation === undefined ? '✓ All invariants hold' : '✕ An invariant is broken'}
        </summary>
        {violation !== undefined && <p class="alarm">{violation}</p>}
        <ul>
          {INVARIANTS.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      </details>
    </section>
  )
}
