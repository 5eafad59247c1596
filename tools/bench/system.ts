import type { Cpu } from './cpu.js'

export interface Load {
  readonly connections: number
  readonly inFlight: number
  /** Puts at the leader unless given. */
  readonly work?: Work
}

/** What a load asks for, and of which server. */
export interface Work {
  /** `get` is linearizable; `stale-get` is answered from the state of the server that is asked. */
  readonly operation: 'put' | 'get' | 'stale-get'
  readonly at: 'leader' | 'follower'
}

export const LOADS: readonly Load[] = [
  { connections: 1, inFlight: 1 },
  { connections: 64, inFlight: 1 },
  { connections: 100, inFlight: 10 },
]

export const PUTS: Work = { operation: 'put', at: 'leader' }

/** How long a load runs before it is measured, and how long it is measured. */
export interface Span {
  readonly warmUpSeconds: number
  readonly seconds: number
}

export interface Measured {
  /** Answered operations per second. */
  readonly rate: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** For each operation; `follower` is the mean of the servers that do not lead. */
  readonly cpu: { readonly leader: Cpu; readonly follower: Cpu; readonly load: Cpu }
}

/** Three servers that are up, for one measurement. */
export interface Cluster {
  measure(load: Load, span: Span): Promise<Measured>
  stop(): Promise<void>
}

export interface System {
  readonly name: string
  /** Starts it on empty directories below `directory`. */
  start(directory: string): Promise<Cluster>
}
