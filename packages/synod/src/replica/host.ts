import { randomBytes, randomInt } from 'node:crypto'
import { type Clock, systemClock } from '../clock.js'
import type { VersionRange } from '../cluster/versions.js'
import type { SynodError } from '../errors.js'
import type { Disk } from '../storage/disk.js'
import { nodeDisk } from '../storage/node-disk.js'
import type { SpaceLimits } from './space-limits.js'
import { descriptorLimit } from '../net/transport/descriptors.js'
import type { Network } from '../net/transport/network.js'
import { tcpNetwork } from '../net/transport/tcp.js'

/** The versions of the protocol, and of the format of the replicated state. */
export interface Build {
  readonly protocols: VersionRange
  readonly formats: VersionRange
}

/**
 * What a replica has of the machine that it runs on. A simulation puts its own in place of each.
 */
export interface Host {
  readonly clock: Clock
  readonly disk: Disk
  readonly network: Network
  /** A number in [0, 1), to spread waits. */
  readonly random: () => number
  readonly randomBytes: (size: number) => Uint8Array
  /** A random whole number from 1 to 2^48 - 1. */
  readonly randomId: () => number
  /** Ends the process of a replica that cannot go on. */
  readonly crash: (error: SynodError) => void
  /** How many files and sockets the process may have open. */
  readonly descriptors: () => number
  /**
   * How far above the chosen watermark slots are proposed in, the same on all servers: that of the
   * mode unless given.
   */
  readonly window?: number
  /** The log archives values in blocks of this many bytes: 1 MiB unless given. */
  readonly archiveBlockBytes?: number
  /** What a build of Synod knows, where another one than this is to be simulated. */
  readonly build?: Build
  /**
   * From how little free space on a server warns and refuses writes, and how much it allocates
   * beforehand.
   */
  readonly space?: SpaceLimits
}

export const systemHost: Host = {
  clock: systemClock,
  disk: nodeDisk,
  network: tcpNetwork,
  random: Math.random,
  randomBytes: (size) => randomBytes(size),
  randomId: () => randomInt(1, 2 ** 48),
  crash: throwUncaught,
  descriptors: descriptorLimit,
}

/** Throws where no caller catches it. */
function throwUncaught(error: SynodError): void {
  setImmediate(() => {
    throw error
  })
}
