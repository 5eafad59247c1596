import { useMemo } from 'preact/hooks'
import { counts } from '../engine/request-cost.js'
import { nextCommand } from '../engine/scheduler.js'
import { LabSession } from '../engine/lab-session.js'
import { NO_FILTER, filterEvents } from '../picture/filter.js'
import { layOut } from '../picture/layout.js'
import { EMPTY_PICTURE } from '../picture/picture.js'
import { Diagram } from './diagram.js'

/** More commands than a request takes in either mode. */
const MOST_COMMANDS = 400

const SIDES = [
  { title: 'Leaderless: both phases in the slot', script: 'cluster 3 leaderless' },
  { title: 'Leader: phase 1 was done once, for all slots', script: 'cluster 3 leader\n\nelect s1' },
]

/** The same request in both modes, side by side, with what it cost: counted in the run. */
export function Compare() {
  return (
    <div class="compare">
      {SIDES.map(({ script, title }) => (
        <Side key={title} script={script} title={title} />
      ))}
    </div>
  )
}

function Side({ script, title }: { readonly script: string; readonly title: string }) {
  const { cost, layout } = useMemo(() => run(script), [script])
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      <Diagram layout={layout} selected={-1} />
      <p data-testid="cost">
        {cost?.delays} message delays, {cost?.messages} messages, {cost?.fsyncs} writes to disk
      </p>
    </section>
  )
}

function run(script: string) {
  const session = LabSession.parse(script)
  const before = session.picture?.events.length ?? 0
  session.perform('request c1> x')
  for (let count = 0; count < MOST_COMMANDS && costOf(session)?.delays === undefined; count++) {
    const command = nextCommand(session)
    if (command === undefined) break
    session.perform(command)
  }
  const picture = session.picture ?? EMPTY_PICTURE
  const shown = new Set(filterEvents(NO_FILTER, picture))
  const layout = layOut(picture, {
    columnWidth: 160,
    rowHeight: 30,
    shows: (_, index) => index >= before && shown.has(index),
  })
  return { cost: costOf(session), layout }
}

function costOf(session: LabSession) {
  return session.picture === undefined ? undefined : counts(session.picture)[0]
}
