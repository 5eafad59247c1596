/** What a key asks for. */
export type Wish =
  | 'step'
  | 'back'
  | 'forward'
  | 'start'
  | 'next event'
  | 'event before'
  | 'end'
  | 'run'
  | 'tell on'
  | 'heartbeats'
  | 'filter'
  | 'theme'
  | 'help'
  | 'let go'

interface Key {
  /** As `KeyboardEvent.key` has it. */
  readonly key: string
  readonly wish: Wish
  readonly does: string
}

export const KEYS: readonly Key[] = [
  { key: 's', wish: 'step', does: 'let the next thing happen' },
  { key: ' ', wish: 'run', does: 'run, or stop' },
  { key: 'n', wish: 'tell on', does: 'the next part of the lesson' },
  { key: 'ArrowUp', wish: 'back', does: 'back in time: by a command, or a row of a trace' },
  { key: 'ArrowDown', wish: 'forward', does: 'on in time, as far as it was played' },
  { key: 'ArrowRight', wish: 'next event', does: 'select the next thing in the diagram' },
  { key: 'ArrowLeft', wish: 'event before', does: 'select the one before' },
  { key: 'Home', wish: 'start', does: 'to the beginning' },
  { key: 'End', wish: 'end', does: 'to the end' },
  { key: 'h', wish: 'heartbeats', does: 'show or fold heartbeats' },
  { key: '/', wish: 'filter', does: 'into the filter' },
  { key: 't', wish: 'theme', does: 'dark or light' },
  { key: 'Escape', wish: 'let go', does: 'select nothing' },
  { key: '?', wish: 'help', does: 'this sheet' },
]

/** What a key pressed on the page means, if anything: not while one types, nor with a modifier. */
export function wishOf(event: {
  readonly key: string
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly altKey: boolean
  readonly isTyping: boolean
}): Wish | undefined {
  if (event.ctrlKey || event.metaKey || event.altKey) return undefined
  if (event.isTyping && event.key !== 'Escape') return undefined
  return KEYS.find(({ key }) => key === event.key)?.wish
}
