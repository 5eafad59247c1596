import type { Cpu } from './cpu.js'

export interface Load {
  readonly connections: number
  readonly inFlight: number
}

/** How long a load runs before it is measured, and how long it is measured. */
export interface Span {
  readonly warmUpSeconds: number
  readonly seconds: number
}

export interface Measured {
  /** Acknowledged writes per second. */
  readonly rate: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** For each write; `follower` is the mean of the servers that do not lead. */
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
