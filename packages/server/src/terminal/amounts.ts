/** `1,234,567`. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}

/** `850 ms`, `12.3 s`, `2 min 5 s`, `3 h 20 min`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`
  const seconds = durationMs / 1000
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`
  const [minutes, rest] = split(Math.round(seconds))
  if (minutes < 60) return `${minutes} min ${rest} s`
  const [hours, left] = split(minutes)
  return `${formatCount(hours)} h ${left} min`
}

/** `[######      ]`. `done` is the share that is filled, from 0 to 1. */
export function formatBar(done: number, width: number): string {
  const filled = Math.round(Math.min(1, done) * width)
  return `[${'#'.repeat(filled)}${' '.repeat(width - filled)}]`
}

function split(amount: number): [whole: number, rest: number] {
  return [Math.floor(amount / 60), amount % 60]
}
