import type { TestReplica } from '../processes.js'
import type { Links } from './links.js'
import type { Impairment } from './link-proxy.js'
import { injectFault } from './strace.js'

/** A server that is slow, though not away. */
export interface SlowServer {
  readonly role: 'follower' | 'leader'
  readonly needsStrace: boolean
  /** The slow server, as it is when it is not slow: with what it costs to watch it. */
  readonly control: (replica: TestReplica, links: Links) => Promise<AsyncDisposable>
  readonly slow: (replica: TestReplica, links: Links) => Promise<AsyncDisposable>
}

const NOTHING_TO_UNDO: AsyncDisposable = { [Symbol.asyncDispose]: () => Promise.resolve() }

/** The names say what the slow server is like. */
export const SLOW_SERVERS: Readonly<Record<string, SlowServer>> = {
  'a follower whose syncs take 100 ms more': slowSyncs('follower'),
  'a leader whose syncs take 100 ms more': slowSyncs('leader'),
  'a follower that stands still for 200 ms in each second': {
    role: 'follower',
    needsStrace: false,
    control: () => Promise.resolve(NOTHING_TO_UNDO),
    slow: (replica) => Promise.resolve(pauseRepeatedly(replica)),
  },
  'a follower whose links take 100 ms': slowLinks({ delayMs: 100 }),
  'a follower whose links let 50 kB/s through': slowLinks({ rate: 50_000 }),
}

/** Its writes to the disk, and its syncs, begin that much later. */
export function delaySyncs({ pid }: TestReplica, delayMs: number): Promise<AsyncDisposable> {
  return injectFault(pid, `pwrite64,fdatasync,fsync:delay_enter=${Math.round(delayMs * 1000)}`)
}

/** In the control it is traced too, as that alone has it take longer for all that it does. */
function slowSyncs(role: SlowServer['role']): SlowServer {
  return {
    role,
    needsStrace: true,
    control: (replica) => delaySyncs(replica, 0.001),
    slow: (replica) => delaySyncs(replica, 100),
  }
}

function slowLinks(impairment: Partial<Impairment>): SlowServer {
  return {
    role: 'follower',
    needsStrace: false,
    control: () => Promise.resolve(NOTHING_TO_UNDO),
    slow: ({ id }, links) => {
      const slow = [...links.to(id), ...links.from(id)]
      for (const link of slow) link.impair(impairment)
      return Promise.resolve({
        [Symbol.asyncDispose]: () => {
          for (const link of slow) link.impair({})
          return Promise.resolve()
        },
      })
    },
  }
}

function pauseRepeatedly(replica: TestReplica): AsyncDisposable {
  let timer: NodeJS.Timeout
  const pause = () => {
    replica.signal('SIGSTOP')
    timer = setTimeout(() => {
      replica.signal('SIGCONT')
      timer = setTimeout(pause, 800)
    }, 200)
  }
  pause()
  return {
    [Symbol.asyncDispose]: () => {
      clearTimeout(timer)
      replica.signal('SIGCONT')
      return Promise.resolve()
    },
  }
}
