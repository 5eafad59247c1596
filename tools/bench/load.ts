// The load: connections, each with a number of operations in flight, for a time. It speaks the wire
// protocol itself, to the floor as to Synod, so that the servers are compared (as h2load does for
// etcd). Prints one line of JSON.
import { Connection, fail } from './connection.js'
import { Latencies } from './latencies.js'

const [
  system = '',
  endpointList = '',
  connectionCount = '1',
  inFlightText = '1',
  seconds = '5',
  warmUpSeconds = '10',
  operation = 'put',
  at = 'leader',
] = process.argv.slice(2)
const inFlight = Number(inFlightText)
const connections = await Promise.all(
  Array.from({ length: Number(connectionCount) }, (_, index) =>
    Connection.open(system, endpointList.split(','), index, at),
  ),
)
const latencies = new Latencies()
let running = true
let measuring = false

const OPERATIONS: Readonly<Record<string, (connection: Connection, done: () => void) => void>> = {
  put: (connection, done) => {
    connection.put(done)
  },
  get: (connection, done) => {
    connection.get(done)
  },
  'stale-get': (connection, done) => {
    connection.getStale(done)
  },
}
const operate = OPERATIONS[operation] ?? fail(`no such operation: ${operation}`)
// What is read is there.
if (operation !== 'put')
  await Promise.all(
    connections.map(
      (connection) =>
        new Promise<void>((done) => {
          connection.put(() => {
            done()
          })
        }),
    ),
  )

function loop(connection: Connection): void {
  const startedMs = performance.now()
  operate(connection, () => {
    if (measuring) latencies.add(performance.now() - startedMs)
    if (running) loop(connection)
  })
}

for (const connection of connections) for (let i = 0; i < inFlight; i++) loop(connection)
await new Promise((resolve) => setTimeout(resolve, Number(warmUpSeconds) * 1000))
measuring = true
const startedMs = performance.now()
await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000))
const elapsedSeconds = (performance.now() - startedMs) / 1000
running = false
process.stdout.write(
  JSON.stringify({
    rate: latencies.count / elapsedSeconds,
    p50Ms: latencies.percentile(0.5),
    p99Ms: latencies.percentile(0.99),
  }) + '\n',
)
process.exit(0)
