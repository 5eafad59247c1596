import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { Lab } from './lab.js'

/** Commands a second, from slow enough to read along to as fast as one can see. */
const SPEEDS = [1, 3, 10, 60]

/** Back and forth in time, step, run, and how fast. */
export function Controls({ lab }: { readonly lab: Lab }) {
  const speed = useSignal(3)
  const isRunning = lab.isRunning.value
  useEffect(() => {
    if (!isRunning) return
    const timer = setInterval(() => {
      lab.step()
    }, 1000 / speed.value)
    return () => {
      clearInterval(timer)
    }
  }, [isRunning, lab, speed.value])

  const length = lab.length.value
  const position = lab.position.value
  return (
    <div class="controls" role="toolbar" aria-label="Time">
      <button title="To the beginning (Home)" disabled={position === 0} onClick={() => lab.seek(0)}>
        «
      </button>
      <button title="Back (↑)" disabled={position === 0} onClick={() => lab.seek(position - 1)}>
        ◀
      </button>
      <input
        type="range"
        aria-label="Place in time"
        min={0}
        max={length}
        value={position}
        onInput={({ currentTarget }) => lab.seek(Number(currentTarget.value))}
      />
      <button title="On (↓)" disabled={position === length} onClick={() => lab.seek(position + 1)}>
        ▶
      </button>
      <button title="To the end (End)" disabled={position === length} onClick={() => lab.seek(length)}>
        »
      </button>
      <span class="note" data-testid="position">
        {position} of {length}
      </span>
      <button class="primary" onClick={() => lab.step()}>
        Step <kbd>s</kbd>
      </button>
      <button
        aria-pressed={isRunning}
        onClick={() => {
          lab.isRunning.value = !isRunning
        }}
      >
        {isRunning ? 'Stop' : 'Run'}
      </button>
      <select
        aria-label="Speed"
        value={speed.value}
        onChange={({ currentTarget }) => {
          speed.value = Number(currentTarget.value)
        }}
      >
        {SPEEDS.map((each) => (
          <option key={each} value={each}>
            {each} a second
          </option>
        ))}
      </select>
    </div>
  )
}
