// A network with a delay, as a process of its own: one proxy for each target, which hands on what
// it receives, in both directions, after a fixed time. It tells its parent where it listens; asked,
// it tells the most bytes that it has carried in one second since it was asked last.
import { formatAddress, parseAddress } from 'synod/internal/net/transport/network.js'
import { tcpNetwork } from 'synod/internal/net/transport/tcp.js'
import { DelayQueue, type Timing } from './delay-queue.js'
import { openDelayedConnection } from './delayed-connection.js'

const [delayMs = '', ...targets] = process.argv.slice(2)
// The timers of `systemClock` are never early, and for that up to two milliseconds late.
const timing: Timing = {
  now: () => performance.now(),
  timer: (timerMs, run) => setTimeout(run, timerMs),
}
const queue = new DelayQueue(timing, Number(delayMs))
let carriedBytes = 0
let busiestBytes = 0
const onCarried = (bytes: number) => {
  carriedBytes += bytes
}
setInterval(() => {
  busiestBytes = Math.max(busiestBytes, carriedBytes)
  carriedBytes = 0
}, 1000)

const listeners = await Promise.all(
  targets.map((target) => {
    const route = { network: tcpNetwork, queue, target: parseAddress(target), onCarried }
    return tcpNetwork.listen({ host: '127.0.0.1', port: 0 }, (open) => {
      openDelayedConnection(route, open)
    })
  }),
)
process.on('disconnect', () => process.exit(0))
process.on('message', () => {
  process.send?.(busiestBytes)
  busiestBytes = 0
})
process.send?.(listeners.map(({ address }) => formatAddress(address)))
