import type { ServerId } from 'synod/internal/paxos/ballot.js'

/*
 * The faults of a simulation. docs/internals/fault-model.md says what may go wrong and what is left
 * out.
 */

interface Timed {
  /** When it happens, and how long it lasts. */
  readonly atMs: number
  readonly forMs: number
}

interface OnServer extends Timed {
  readonly server: ServerId
}

/** Between two servers, or a server and a client. */
interface OnWay extends Timed {
  readonly from: ServerId | string
  readonly to: ServerId
}

export type Fault =
  /**
   * The power fails; `forMs` later it is back. If `silent`, others see their connections hang
   * until then.
   */
  | (OnServer & { readonly kind: 'power-failure'; readonly silent: boolean })
  /** The process is killed; the system under it goes on. */
  | (OnServer & { readonly kind: 'kill' })
  /** All servers lose their power. */
  | (Timed & { readonly kind: 'outage' })
  /** The power fails when this many more changes have reached the disk. */
  | (OnServer & { readonly kind: 'death-while-writing'; readonly changes: number })
  | (OnServer & { readonly kind: 'pause' })
  | (OnServer & { readonly kind: 'clock-jump'; readonly byMs: number })
  /** The time of day goes on this many times as fast, backwards below 0. */
  | (OnServer & { readonly kind: 'clock-run'; readonly rate: number })
  | (OnWay & { readonly kind: 'cut'; readonly oneWay: boolean; readonly reset: boolean })
  /** One server and all others are cut off from each other. */
  | (OnServer & { readonly kind: 'isolation'; readonly reset: boolean })
  /** A way is cut and healed again and again, each for `periodMs`. */
  | (OnWay & { readonly kind: 'flapping'; readonly periodMs: number })
  | (OnWay & { readonly kind: 'reset' })
  /**
   * Frames between two servers get lost, come twice or are overtaken by the next: how often, of
   * all.
   */
  | (OnWay & {
      readonly kind: 'lossy'
      readonly loss: number
      readonly duplication: number
      readonly reordering: number
    })
  /** A bit of the next bytes that pass turns over. */
  | (OnWay & { readonly kind: 'garbling' })
  | (OnServer & { readonly kind: 'slow-disk'; readonly syncMs: number })
  | (OnServer & { readonly kind: 'stuck-disk' })
  | (OnServer & { readonly kind: 'failed-fsync' })
  /** This many more bytes can be written, and then the disk is full. */
  | (OnServer & { readonly kind: 'full-disk'; readonly leftBytes: number })
  /** Likewise on all servers. */
  | (Timed & { readonly kind: 'full-disks'; readonly leftBytes: number })
  /** While the server is down, this many bits turn over in what its disk has held for long. */
  | (OnServer & { readonly kind: 'bit-rot'; readonly bits: number })
  | (OnServer & { readonly kind: 'lost-disk' })
  /**
   * After `forMs` the directory of the server is put back as it is now, if all others have heard
   * of what it lacks then.
   */
  | (OnServer & { readonly kind: 'old-copy' })
  /** The process of a client is killed; another one takes its place. */
  | (Timed & { readonly kind: 'client-kill'; readonly client: number })
  /** Not a fault, but of the same kind of days: this server is asked to lead. */
  | (OnServer & { readonly kind: 'transfer' })
  /**
   * The replica is closed in an orderly way; `forMs` later its process is gone, and is started
   * again.
   */
  | (OnServer & { readonly kind: 'shutdown' })
  /**
   * A new server is added and started. It takes the place of `replaces` when it has caught up, if
   * that is not 0.
   */
  | (OnServer & { readonly kind: 'join'; readonly replaces: ServerId })
  /** The server is removed from the cluster. */
  | (OnServer & { readonly kind: 'removal' })
  /**
   * The process of a server with the build and state machine from before is killed; `forMs` later
   * it starts with the new ones.
   */
  | (OnServer & { readonly kind: 'upgrade' })
  /** Bytes take this much longer this way, and only this way. */
  | (OnWay & { readonly kind: 'slow-way'; readonly delayMs: number })
  /** This many clients do to the server what they can, each by what it draws from the seed. */
  | (OnServer & { readonly kind: 'hostile-clients'; readonly clients: number; readonly seed: number })
  /** This many clients are connected with the server, and ask for hardly anything. */
  | (OnServer & { readonly kind: 'idle-clients'; readonly clients: number; readonly seed: number })

export type FaultKind = Fault['kind']

/** What a fault is about, for statistics. */
export const FAULT_CLASS: Readonly<
  Record<FaultKind, 'crash' | 'network' | 'storage' | 'process' | 'clients'>
> = {
  'power-failure': 'crash',
  kill: 'crash',
  outage: 'crash',
  'death-while-writing': 'crash',
  pause: 'process',
  'clock-jump': 'process',
  'clock-run': 'process',
  cut: 'network',
  isolation: 'network',
  flapping: 'network',
  reset: 'network',
  lossy: 'network',
  garbling: 'network',
  'slow-disk': 'storage',
  'stuck-disk': 'storage',
  'failed-fsync': 'storage',
  'full-disk': 'storage',
  'full-disks': 'storage',
  'bit-rot': 'storage',
  'lost-disk': 'storage',
  'old-copy': 'storage',
  'client-kill': 'crash',
  transfer: 'process',
  shutdown: 'process',
  join: 'process',
  removal: 'process',
  upgrade: 'process',
  'slow-way': 'network',
  'hostile-clients': 'clients',
  'idle-clients': 'clients',
}

/** What operators do on purpose. It is drawn on its own. */
export const ORDERLY_KINDS = ['transfer', 'shutdown'] as const

/** What changes the membership. It is drawn on its own too. */
export const MEMBERSHIP_KINDS = ['join', 'removal'] as const

/** What brings the next build. It is drawn on its own too. */
export const UPGRADE_KINDS = ['upgrade'] as const

/** What clients do to servers. It is drawn on its own too. */
export const HOSTILE_KINDS = ['hostile-clients', 'idle-clients'] as const

/** A mistake of an operator. It is drawn on its own too. */
export const MISTAKEN_KINDS = ['old-copy'] as const

/** What fills the disks of all servers. It is drawn on its own too. */
export const FULL_KINDS = ['full-disks'] as const

/** What is drawn for extreme runs alone. */
export const EXTREME_KINDS = ['slow-way'] as const

/** What is drawn along with further jumps of clocks. */
export const CLOCK_KINDS = ['clock-run'] as const

export const FAULT_KINDS = (Object.keys(FAULT_CLASS) as FaultKind[]).filter(
  (kind) =>
    !(
      [
        ...ORDERLY_KINDS,
        ...MEMBERSHIP_KINDS,
        ...UPGRADE_KINDS,
        ...HOSTILE_KINDS,
        ...MISTAKEN_KINDS,
        ...EXTREME_KINDS,
        ...CLOCK_KINDS,
        ...FULL_KINDS,
      ] as readonly FaultKind[]
    ).includes(kind),
)

/** Those after which a server cannot take part as the acceptor that it was. */
export const DATA_LOSS_KINDS: ReadonlySet<FaultKind> = new Set<FaultKind>([
  'bit-rot',
  'lost-disk',
  'old-copy',
])

/** The server that a fault strikes; 0 if it strikes none, or several. */
export function faultedServer(fault: Fault): ServerId {
  return 'server' in fault ? fault.server : 0
}
