import { labelOf } from '../picture/label.js'
import type { Picture } from '../picture/picture.js'
import { eventText } from '../picture/event-text.js'

export interface InspectorProps {
  readonly picture: Picture
  readonly event: number
  /** The state of its server before and after, if it can be told. */
  readonly states: { readonly before: unknown; readonly after: unknown } | undefined
}

/** All of an event: the whole message, and what its server was before and after. */
export function Inspector({ event: index, picture, states }: InspectorProps) {
  const event = picture.events[index]
  if (event === undefined) return null
  const message = 'message' in event ? picture.messages[event.message] : undefined
  return (
    <section aria-label="Details">
      <h2>
        {message === undefined ? `${event.actor.toUpperCase()}: ${eventText(event)}` : labelOf(message)}
      </h2>
      <dl>
        <dt>at</dt>
        <dd>{event.atMs.toFixed(1)} ms</dd>
        {message !== undefined && (
          <>
            <dt>from, to</dt>
            <dd>
              {message.from.toUpperCase()} → {message.to.toUpperCase()}
            </dd>
            <dt>message</dt>
            <dd>
              <pre>{JSON.stringify(message.fields, null, 1)}</pre>
            </dd>
          </>
        )}
      </dl>
      {states !== undefined && <Difference before={states.before} after={states.after} />}
    </section>
  )
}

/** The lines of both states, those marked that differ. */
function Difference({ after, before }: { readonly before: unknown; readonly after: unknown }) {
  const linesOf = (state: unknown) => JSON.stringify(state, null, 1).split('\n')
  const [old, now] = [linesOf(before), linesOf(after)]
  return (
    <>
      <h3>Before</h3>
      <Lines lines={old} others={new Set(now)} />
      <h3>After</h3>
      <Lines lines={now} others={new Set(old)} />
    </>
  )
}

function Lines({
  lines,
  others,
}: {
  readonly lines: readonly string[]
  readonly others: ReadonlySet<string>
}) {
  return (
    <pre class="state">
      {lines.map((line, place) => (
        <span key={place} class={others.has(line) ? undefined : 'new'}>
          {`${line}\n`}
        </span>
      ))}
    </pre>
  )
}
