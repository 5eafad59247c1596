/**
 * Seconds: the upper bounds of the buckets of every histogram of durations. What is above the last
 * one is counted too.
 */
export const DURATION_BOUNDS_S: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

/** A histogram as plain data. `counts` has one more than `bounds`: what is above them all. */
export interface HistogramData {
  readonly bounds: readonly number[]
  readonly counts: readonly number[]
  readonly sum: number
  readonly count: number
}

/** Counts values in fixed buckets. */
export class Histogram {
  readonly #bounds: readonly number[]
  readonly #counts: number[]
  #sum = 0
  #count = 0

  constructor(bounds: readonly number[] = DURATION_BOUNDS_S) {
    this.#bounds = bounds
    this.#counts = new Array<number>(bounds.length + 1).fill(0)
  }

  record(value: number): void {
    let bucket = 0
    while (value > (this.#bounds[bucket] ?? Infinity)) bucket++
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#sum += value
    this.#count++
  }

  data(): HistogramData {
    return { bounds: this.#bounds, counts: [...this.#counts], sum: this.#sum, count: this.#count }
  }
}

/**
 * What a replica counts, by name: since it was opened (`counter`), at the moment (`gauge`), or how
 * often which duration in seconds (`histogram`). docs/reference/metrics.md explains them.
 */
export const METRICS = {
  requests_total: { type: 'counter', help: 'Commands taken from clients of this replica.' },
  requests_refused_total: {
    type: 'counter',
    help: 'Commands and reads refused because too many were waiting.',
  },
  reads_total: { type: 'counter', help: 'Linearizable reads taken from clients of this replica.' },
  stale_reads_total: { type: 'counter', help: 'Stale reads taken from clients of this replica.' },
  elections_total: { type: 'counter', help: 'Ballots begun to lead every slot.' },
  elections_won_total: { type: 'counter', help: 'Of these, ballots at which this replica came to lead.' },
  leader_changes_total: { type: 'counter', help: 'How often another server, or none, was seen to lead.' },
  messages_sent_total: {
    type: 'counter',
    help: 'Messages of the protocol handed to connections with peers.',
  },
  messages_received_total: { type: 'counter', help: 'Messages of the protocol received from peers.' },
  messages_dropped_total: {
    type: 'counter',
    help: 'Messages dropped because a peer was unreachable or slow.',
  },
  messages_refused_total: {
    type: 'counter',
    help: 'Messages of peers dropped because the disk or the queue for a slot was too far behind.',
  },
  journal_groups_total: { type: 'counter', help: 'Groups of records written, one fsync for each.' },
  journal_bytes_total: { type: 'counter', help: 'Bytes written to the journal.' },
  journal_fsyncs_total: { type: 'counter', help: 'Fsyncs of the journal.' },
  snapshots_total: { type: 'counter', help: 'Snapshots taken of the own state.' },
  snapshots_received_total: { type: 'counter', help: 'Snapshots of peers that took the place of the state.' },
  stalls_total: { type: 'counter', help: 'How often the process stood still for 50 ms or more.' },
  leader: { type: 'gauge', help: '1 while this replica leads.' },
  voting: { type: 'gauge', help: '0 where the data directory was damaged, and the replica only learns.' },
  slot_snapshotted: { type: 'gauge', help: 'Slot of the newest snapshot.' },
  slot_executed: { type: 'gauge', help: 'Every slot up to this one is executed.' },
  slot_chosen: { type: 'gauge', help: 'Every slot up to this one is known to be chosen.' },
  slot_voted: { type: 'gauge', help: 'The highest slot voted in.' },
  waiting: { type: 'gauge', help: 'Commands and reads that wait at this replica.' },
  pending_quorum_seconds: {
    type: 'gauge',
    help: 'For how long a slot has been waiting for a quorum; 0 if none is.',
  },
  clients: { type: 'gauge', help: 'Connected clients.' },
  client_held_bytes: {
    type: 'gauge',
    help: 'Held for clients: their connections, requests, unfinished frames and unread answers.',
  },
  sessions: { type: 'gauge', help: 'Open sessions.' },
  peers_up: { type: 'gauge', help: 'Peers that this replica is connected to.' },
  snapshot_bytes: { type: 'gauge', help: 'Size of the newest snapshot.' },
  journal_segments: { type: 'gauge', help: 'Files of the journal.' },
  journal_writing_seconds: {
    type: 'gauge',
    help: 'For how long the disk has been at the write under way; 0 if there is none.',
  },
  log_time_seconds: {
    type: 'gauge',
    help: 'Log time of the last command executed, since 1970; 0 before any was.',
  },
  clock_ahead_seconds: {
    type: 'gauge',
    help: 'How far the wall clock is ahead of log time; below 0 where it is behind.',
  },
  clock_median_known: {
    type: 'gauge',
    help: '0 where too few wall clocks of voters are known, or near each other, to tell their median.',
  },
  disk_free_bytes: {
    type: 'gauge',
    help: 'Free on the disk of the data directory; 0 while that is not known.',
  },
  disk_reserved_bytes: {
    type: 'gauge',
    help: 'Allocated beforehand, for what must be written on a full disk.',
  },
  disk_low: { type: 'gauge', help: '1 if the disk has less space than the operator should let be, else 0.' },
  disk_full: { type: 'gauge', help: '1 if the disk is too full for writes, else 0.' },
  uptime_seconds: { type: 'gauge', help: 'Since the replica was opened.' },
  request_seconds: { type: 'histogram', help: 'From the arrival of a command here to its execution here.' },
  read_seconds: { type: 'histogram', help: 'From the arrival of a linearizable read to its answer.' },
  fsync_seconds: { type: 'histogram', help: 'Fsyncs of groups of the journal.' },
} as const satisfies Readonly<
  Record<string, { readonly type: 'counter' | 'gauge' | 'histogram'; readonly help: string }>
>

export type MetricName = keyof typeof METRICS

type NameOf<Type> = {
  [Name in MetricName]: (typeof METRICS)[Name]['type'] extends Type ? Name : never
}[MetricName]

export type NumberName = NameOf<'counter' | 'gauge'>
export type HistogramName = NameOf<'histogram'>

/** All metrics of a replica at one moment, as plain data. */
export type ReplicaMetrics = Readonly<Record<NumberName, number>> &
  Readonly<Record<HistogramName, HistogramData>>
