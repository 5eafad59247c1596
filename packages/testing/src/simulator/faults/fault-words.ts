import type { Fault } from './faults.js'
import { hostOf } from '../world.js'

/** A fault in words, with its time: `at 120 ms: s2 loses its power, for 300 ms`. */
export function describeFault(fault: Fault): string {
  return `at ${fault.atMs.toFixed(0)} ms: ${what(fault)}`
}

function what(fault: Fault): string {
  const lasting = `for ${fault.forMs.toFixed(0)} ms`
  switch (fault.kind) {
    case 'power-failure':
      return `s${fault.server} loses its power, ${lasting}${fault.silent ? '; nobody is told' : ''}`
    case 'kill':
      return `the process of s${fault.server} is killed, ${lasting}`
    case 'outage':
      return `all servers lose their power, ${lasting}`
    case 'death-while-writing':
      return `s${fault.server} loses its power after ${fault.changes} more changes of its disk`
    case 'pause':
      return `the process of s${fault.server} is paused, ${lasting}`
    case 'clock-jump':
      return `the time of day on s${fault.server} jumps by ${fault.byMs.toFixed(0)} ms`
    case 'clock-run':
      return `the time of day on s${fault.server} goes on ${fault.rate.toFixed(1)} times as fast, ${lasting}`
    case 'upgrade':
      return `s${fault.server} is killed, ${lasting}, and starts with the next build`
    case 'cut': {
      const way = fault.oneWay ? 'to' : 'and'
      return `${hostOf(fault.from)} ${way} ${hostOf(fault.to)} are cut off, ${lasting}${fault.reset ? '; their connections break' : ''}`
    }
    case 'isolation':
      return `s${fault.server} is cut off from all other servers, ${lasting}`
    case 'flapping':
      return `${hostOf(fault.from)} and ${hostOf(fault.to)} are cut off again and again, ${lasting}`
    case 'reset':
      return `the connections between ${hostOf(fault.from)} and ${hostOf(fault.to)} break`
    case 'lossy': {
      const [loss, duplication, reordering] = [fault.loss, fault.duplication, fault.reordering].map(percent)
      const rates = `loses ${loss}, doubles ${duplication}, reorders ${reordering}`
      return `the way from ${hostOf(fault.from)} to ${hostOf(fault.to)} ${rates} of the frames, ${lasting}`
    }
    case 'garbling':
      return `a bit turns over on the way from ${hostOf(fault.from)} to ${hostOf(fault.to)}`
    case 'slow-disk':
      return `an fsync on s${fault.server} takes up to ${fault.syncMs.toFixed(0)} ms, ${lasting}`
    case 'stuck-disk':
      return `no fsync on s${fault.server} ends, ${lasting}`
    case 'failed-fsync':
      return `the next fsync on s${fault.server} fails`
    case 'full-disk':
      return `the disk of s${fault.server} takes ${fault.leftBytes} bytes more and is full, ${lasting}`
    case 'full-disks':
      return `the disks of all servers take ${fault.leftBytes} bytes more and are full, ${lasting}`
    case 'bit-rot':
      return `s${fault.server} is down ${lasting}, and ${fault.bits} bits of its disk turn over`
    case 'lost-disk':
      return `s${fault.server} is down ${lasting}, and comes back with an empty disk`
    case 'old-copy':
      return `the directory of s${fault.server} is copied, and put back after ${fault.forMs.toFixed(0)} ms`
    case 'client-kill':
      return `the process of c${fault.client} is killed, and another takes its place`
    case 'transfer':
      return `s${fault.server} is asked to lead`
    case 'shutdown':
      return `s${fault.server} is shut down in an orderly way, ${lasting}`
    case 'join':
      return `s${fault.server} joins${fault.replaces === 0 ? '' : `, in the place of s${fault.replaces}`}`
    case 'removal':
      return `s${fault.server} is removed`
    case 'slow-way':
      return `all takes ${fault.delayMs.toFixed(0)} ms longer from ${hostOf(fault.from)} to ${hostOf(fault.to)}, ${lasting}`
    case 'hostile-clients':
      return `${fault.clients} hostile clients go for s${fault.server}, ${lasting}`
    case 'idle-clients':
      return `${fault.clients} clients connect with s${fault.server} and are idle, ${lasting}`
  }
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`
}
