// One side of the comparison of clients: the library, or the load program's own connections. It
// makes calls when its parent asks for them, and answers with what they cost.
import { type Codec, type Machine, connect } from 'synod'
import type { Cost, Operation, Run } from './client.js'
import { Connection, encodeGet, encodePut } from './connection.js'

const CLIENTS = 100
const IN_FLIGHT = 10

/** Makes calls, one after the other, until the run is over. */
type Loop = (operation: Operation) => Promise<void>

let isOver = false
let calls = 0

const [side = '', endpoint = ''] = process.argv.slice(2)
const openLoop = side === 'library' ? openLibrary : openConnection
const loops = await Promise.all(Array.from({ length: CLIENTS }, (_, index) => openLoop(index)))
process.on('message', (run: Run) => void measure(run))
process.on('disconnect', () => process.exit(0))
process.send?.('ready')

async function measure({ operation, seconds }: Run): Promise<void> {
  isOver = false
  const ended = loops.flatMap((loop) => Array.from({ length: IN_FLIGHT }, () => loop(operation)))
  const before = process.cpuUsage()
  calls = 0
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  const { system, user } = process.cpuUsage(before)
  const cost: Cost = { calls, cpuUs: system + user }
  isOver = true
  await Promise.all(ended)
  process.send?.(cost)
}

async function openLibrary(index: number): Promise<Loop> {
  // Encoding is the state machine's business, and the load program does it once.
  const bytes: Codec<Uint8Array> = { encode: (value) => value, decode: (value) => value }
  const client = connect<Machine<Uint8Array, Uint8Array, Uint8Array, Uint8Array>>({
    endpoints: [endpoint],
    codecs: { command: bytes, result: bytes, query: bytes, answer: bytes },
  })
  await client.ready()
  const [command, query] = [encodePut(index), encodeGet(index)]
  const operations = {
    execute: () => client.execute(command),
    read: () => client.read(query),
    readStale: () => client.readStale(query),
  }
  return async (operation) => {
    const call = operations[operation]
    while (!isOver) {
      await call()
      calls++
    }
  }
}

async function openConnection(index: number): Promise<Loop> {
  const connection = await Connection.open('stub', [endpoint], index)
  return (operation) =>
    new Promise((resolve) => {
      const done = () => {
        calls++
        next()
      }
      const next = () => {
        if (isOver) resolve()
        else if (operation === 'execute') connection.put(done)
        else connection.get(done)
      }
      next()
    })
}
