export interface Load {
  readonly connections: number
  readonly inFlight: number
}

export interface Measured {
  /** Acknowledged writes per second. */
  readonly rate: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Three servers that are up, for one measurement. */
export interface Cluster {
  measure(load: Load, seconds: number): Promise<Measured>
  stop(): Promise<void>
}

export interface System {
  readonly name: string
  /** Starts it on empty directories below `directory`. */
  start(directory: string): Promise<Cluster>
}
