import type { Logger } from 'synod'

type Level = 'info' | 'warn' | 'error'

/**
 * A line of a log: `2026-01-31T12:00:00.000Z warn  message`, or with `json` the same with all
 * fields as NDJSON.
 */
export function logLine(json: boolean, level: Level, fields: object, message: string): string {
  const time = new Date().toISOString()
  if (json) return `${JSON.stringify({ ...fields, time, level, message })}\n`
  return `${time} ${level.padEnd(5)} ${message}\n`
}

/** A logger that calls `write` with one line for each event. */
export function lineLogger(json: boolean, write: (line: string) => void): Logger {
  const log = (level: Level) => (fields: object, message: string) => {
    write(logLine(json, level, fields, message))
  }
  return { info: log('info'), warn: log('warn'), error: log('error') }
}
