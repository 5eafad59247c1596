import type { TestReplica } from '../processes.js'
import type { Links } from './links.js'
import type { Trouble } from './link-proxy.js'
import { injectFault } from './strace.js'

/** A server that is slow, though not away. */
export interface SlowDay {
  readonly whose: 'follower' | 'leader'
  readonly needsStrace: boolean
  /** The slow server, as it is when it is not slow: with what it costs to watch it. */
  readonly control: (replica: TestReplica, links: Links) => Promise<AsyncDisposable>
  readonly slow: (replica: TestReplica, links: Links) => Promise<AsyncDisposable>
}

const CALM: AsyncDisposable = { [Symbol.asyncDispose]: () => Promise.resolve() }

/** The names say what the slow server is like. */
export const SLOW_DAYS: Readonly<Record<string, SlowDay>> = {
  'a follower whose syncs take 100 ms more': slowSyncs('follower'),
  'a leader whose syncs take 100 ms more': slowSyncs('leader'),
  'a follower that stands still for 200 ms in each second': {
    whose: 'follower',
    needsStrace: false,
    control: () => Promise.resolve(CALM),
    slow: (replica) => Promise.resolve(standingStill(replica)),
  },
  'a follower whose links take 100 ms': slowLinks({ delayMs: 100 }),
  'a follower whose links let 50 kB/s through': slowLinks({ rate: 50_000 }),
}

/** Its fdatasync and fsync begin that much later. */
export function delaySyncs({ pid }: TestReplica, delayMs: number): Promise<AsyncDisposable> {
  return injectFault(pid, `fdatasync,fsync:delay_enter=${Math.round(delayMs * 1000)}`)
}

/** In the control it is traced too, as that alone has it take longer for all that it does. */
function slowSyncs(whose: SlowDay['whose']): SlowDay {
  return {
    whose,
    needsStrace: true,
    control: (replica) => delaySyncs(replica, 0.001),
    slow: (replica) => delaySyncs(replica, 100),
  }
}

function slowLinks(trouble: Partial<Trouble>): SlowDay {
  return {
    whose: 'follower',
    needsStrace: false,
    control: () => Promise.resolve(CALM),
    slow: ({ id }, links) => {
      const slow = [...links.to(id), ...links.from(id)]
      for (const link of slow) link.trouble(trouble)
      return Promise.resolve({
        [Symbol.asyncDispose]: () => {
          for (const link of slow) link.trouble({})
          return Promise.resolve()
        },
      })
    },
  }
}

function standingStill(replica: TestReplica): AsyncDisposable {
  let timer: NodeJS.Timeout
  const stand = () => {
    replica.signal('SIGSTOP')
    timer = setTimeout(() => {
      replica.signal('SIGCONT')
      timer = setTimeout(stand, 800)
    }, 200)
  }
  stand()
  return {
    [Symbol.asyncDispose]: () => {
      clearTimeout(timer)
      replica.signal('SIGCONT')
      return Promise.resolve()
    },
  }
}
