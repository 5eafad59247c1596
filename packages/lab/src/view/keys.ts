/** What a key asks for. */
export type KeyAction =
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
  readonly action: KeyAction
  readonly does: string
}

export const KEYS: readonly Key[] = [
  { key: 's', action: 'step', does: 'let the next thing happen' },
  { key: ' ', action: 'run', does: 'run, or stop' },
  { key: 'n', action: 'tell on', does: 'the next part of the lesson' },
  { key: 'ArrowUp', action: 'back', does: 'back in time: by a command, or a row of a trace' },
  { key: 'ArrowDown', action: 'forward', does: 'on in time, as far as it was played' },
  { key: 'ArrowRight', action: 'next event', does: 'select the next thing in the diagram' },
  { key: 'ArrowLeft', action: 'event before', does: 'select the one before' },
  { key: 'Home', action: 'start', does: 'to the beginning' },
  { key: 'End', action: 'end', does: 'to the end' },
  { key: 'h', action: 'heartbeats', does: 'show or fold heartbeats' },
  { key: '/', action: 'filter', does: 'into the filter' },
  { key: 't', action: 'theme', does: 'dark or light' },
  { key: 'Escape', action: 'let go', does: 'select nothing' },
  { key: '?', action: 'help', does: 'this sheet' },
]

/** What a key pressed on the page means, if anything: not while one types, nor with a modifier. */
export function keyAction(event: {
  readonly key: string
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly altKey: boolean
  readonly isTyping: boolean
}): KeyAction | undefined {
  if (event.ctrlKey || event.metaKey || event.altKey) return undefined
  if (event.isTyping && event.key !== 'Escape') return undefined
  return KEYS.find(({ key }) => key === event.key)?.action
}
