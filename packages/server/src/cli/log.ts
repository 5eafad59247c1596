import type { Logger } from 'synod'

type Level = 'info' | 'warn' | 'error'

/**
 * Writes what a replica tells to `write`, one line each: `2026-01-31T12:00:00.000Z warn message`, or with
 * `json` the same with all fields as NDJSON.
 */
export function lineLogger(json: boolean, write: (line: string) => void): Logger {
  const log = (level: Level) => (fields: object, message: string) => {
    const time = new Date().toISOString()
    if (json) write(`${JSON.stringify({ ...fields, time, level, message })}\n`)
    else write(`${time} ${level.padEnd(5)} ${message}\n`)
  }
  return { info: log('info'), warn: log('warn'), error: log('error') }
}
