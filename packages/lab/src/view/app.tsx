import { useSignal } from '@preact/signals'
import { useCallback, useLayoutEffect } from 'preact/hooks'
import { Actions } from './actions.js'
import { Compare } from './compare.js'
import { Controls } from './controls.js'
import { Diagram } from './diagram.js'
import { Help } from './help.js'
import { Inspector } from './inspector.js'
import { type KeyAction, keyAction } from './keys.js'
import type { Lab } from './lab.js'
import { LogGrid } from './logs.js'
import { Share } from './share.js'
import { Story } from './story.js'
import { toggleTheme } from './theme.js'

/** How one begins without a lesson. */
const CLUSTERS = [
  { name: '3 servers, leader', script: 'cluster 3 leader' },
  { name: '3 servers, leaderless', script: 'cluster 3 leaderless' },
  { name: '5 servers, leader', script: 'cluster 5 leader' },
  { name: '5 servers, leaderless', script: 'cluster 5 leaderless' },
  { name: '3 servers of 5, leader', script: 'cluster 5 leader founders=3 window=2' },
]

export function App({ lab }: { readonly lab: Lab }) {
  const isComparing = useSignal(false)
  const isHelping = useSignal(false)

  useLayoutEffect(() => {
    const actions: Readonly<Record<KeyAction, () => void>> = {
      step: () => lab.step(),
      run: () => (lab.isRunning.value = !lab.isRunning.value),
      'tell on': () => lab.playNext(),
      back: () => lab.seek(lab.position.value - 1),
      forward: () => lab.seek(lab.position.value + 1),
      start: () => lab.seek(0),
      'next event': () => lab.selectNext(1),
      'event before': () => lab.selectNext(-1),
      end: () => lab.seek(lab.length.value),
      heartbeats: () => (lab.heartbeats.value = !lab.heartbeats.value),
      filter: () => document.querySelector<HTMLInputElement>('#filter')?.focus(),
      theme: toggleTheme,
      help: () => (isHelping.value = true),
      'let go': () => lab.deselect(),
    }
    const onKey = (event: KeyboardEvent) => {
      const isTyping = event.target instanceof HTMLElement && event.target.matches('input, select, textarea')
      const onButton = event.key === ' ' && event.target instanceof HTMLButtonElement
      const { altKey, ctrlKey, key, metaKey } = event
      const action = keyAction({ altKey, ctrlKey, isTyping: isTyping || onButton, key, metaKey })
      if (action === undefined || isHelping.value) return
      event.preventDefault()
      actions[action]()
    }
    document.addEventListener('keydown', onKey)
    return () => {
      document.removeEventListener('keydown', onKey)
    }
  }, [isHelping, lab])

  const opened = lab.opened.value
  const hasSide = opened === undefined || lab.selected.value !== undefined
  return (
    <div class="app">
      <header>
        <h1>Synod lab</h1>
        <select
          aria-label="New cluster"
          onChange={({ currentTarget }) => {
            if (currentTarget.value !== '') lab.begin(currentTarget.value)
            currentTarget.value = ''
          }}
        >
          <option value="">New cluster…</option>
          {CLUSTERS.map(({ name, script }) => (
            <option key={script} value={script}>
              {name}
            </option>
          ))}
        </select>
        <button
          aria-pressed={isComparing.value}
          onClick={() => {
            isComparing.value = !isComparing.value
          }}
        >
          Both modes
        </button>
        <Share lab={lab} />
        <span class="gap" />
        <button title="Dark or light (t)" onClick={toggleTheme}>
          ◐
        </button>
        <button
          title="Help (?)"
          onClick={() => {
            isHelping.value = true
          }}
        >
          ?
        </button>
      </header>
      {!isComparing.value && (
        <aside class="story">
          <Story lab={lab} />
        </aside>
      )}
      {isComparing.value ? (
        <main class="stage alone">
          <Compare />
        </main>
      ) : (
        <main class={hasSide ? 'stage' : 'stage whole'}>
          <Filter lab={lab} />
          {opened !== undefined && (
            <p class="note">
              {opened.name}: a trace. Click what you want to know more of. {opened.note}
            </p>
          )}
          <p class="alarm" role="alert">
            {lab.problem.value ?? lab.violation.value ?? ''}
          </p>
          <Stage lab={lab} />
          <LogGrid logs={lab.logs.value} choices={lab.choices.value} event={lab.moment.value} />
          <Controls lab={lab} />
        </main>
      )}
      {!isComparing.value && hasSide && (
        <aside class="side">
          {lab.selected.value !== undefined && (
            <Inspector picture={lab.picture.value} event={lab.selected.value} states={lab.states.value} />
          )}
          {opened === undefined && <Actions lab={lab} />}
        </aside>
      )}
      {isHelping.value && (
        <Help
          onClose={() => {
            isHelping.value = false
          }}
        />
      )}
    </div>
  )
}

function Filter({ lab }: { readonly lab: Lab }) {
  const filter = lab.filter.value
  return (
    <div class="row filter">
      <input
        id="filter"
        type="search"
        placeholder="Show only: slot:2 s1 accept"
        aria-label="Filter"
        aria-invalid={filter instanceof Error}
        value={lab.filterText.value}
        onInput={({ currentTarget }) => {
          lab.filterText.value = currentTarget.value
        }}
      />
      <label>
        <input
          type="checkbox"
          checked={lab.heartbeats.value}
          onChange={({ currentTarget }) => {
            lab.heartbeats.value = currentTarget.checked
          }}
        />{' '}
        heartbeats
      </label>
      {filter instanceof Error && <span class="alarm">{filter.message}</span>}
    </div>
  )
}

function Stage({ lab }: { readonly lab: Lab }) {
  const pointed = lab.pointed.value
  const causes = lab.causes.value
  const onWidth = useCallback(
    (width: number) => {
      lab.width.value = width
    },
    [lab],
  )
  const isRelated =
    pointed === undefined || pointed < 0
      ? undefined
      : (event: number) =>
          event === pointed || causes.precedes(event, pointed) || causes.precedes(pointed, event)
  return (
    <Diagram
      layout={lab.layout.value}
      rows={lab.opened.value === undefined ? undefined : lab.position.value}
      selected={lab.selected.value}
      onWidth={onWidth}
      isRelated={isRelated}
      onPoint={(event) => {
        lab.pointed.value = event
      }}
      onSelect={(event) => {
        lab.deselect()
        lab.selected.value = event
      }}
      onMessage={(message) => {
        lab.deselect()
        lab.message.value = message
      }}
    />
  )
}
