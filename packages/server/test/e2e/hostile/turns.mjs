// Loaded into a replica by `node --import`: writes to the file TURNS_FILE how much processor time
// the longest turn of the event loop took, in milliseconds. Time in which other processes had the
// processor does not count.
import { Buffer } from 'node:buffer'
import { openSync, readSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { setInterval } from 'node:timers'

const LOOK_EVERY_MS = 1
const WRITE_EVERY_MS = 100

const schedstat = openSync(`/proc/self/task/${process.pid}/schedstat`)
const buffer = Buffer.alloc(64)

function cpuMs() {
  const size = readSync(schedstat, buffer, 0, buffer.length, 0)
  return Number.parseInt(buffer.toString('latin1', 0, size)) / 1e6
}

let before = cpuMs()
let longestMs = 0
setInterval(() => {
  const now = cpuMs()
  longestMs = Math.max(longestMs, now - before)
  before = now
}, LOOK_EVERY_MS).unref()

setInterval(() => {
  writeFileSync(`${process.env.TURNS_FILE}.${process.pid}`, String(longestMs))
  longestMs = 0
}, WRITE_EVERY_MS).unref()
