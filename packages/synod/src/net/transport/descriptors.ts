import { readFileSync } from 'node:fs'

/**
 * How many files, sockets and pipes this process may have open; Infinity where the system does not
 * say. Node raises its soft limit to the hard one when it starts.
 */
export function descriptorLimit(): number {
  return limitOfLinux() ?? limitOfReport() ?? Infinity
}

function limitOfLinux(): number | undefined {
  try {
    return readLimit(/^Max open files +(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1])
  } catch {
    return undefined
  }
}

function limitOfReport(): number | undefined {
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft?: number | string } } }
  const soft = report.userLimits?.open_files?.soft
  return readLimit(soft === undefined ? undefined : String(soft))
}

function readLimit(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  return text === 'unlimited' ? Infinity : Number(text)
}

/** How many connections a replica accepts. */
export interface ConnectionLimits {
  readonly clients: number
  readonly peers: number
}

export const MAX_CLIENT_CONNECTIONS = 10_000

/**
 * More than the servers that a cluster can have; the rest is for connections about to be replaced.
 */
export const MAX_PEER_CONNECTIONS = 1024

/**
 * Kept free for the journal, snapshots, connections to peers and all else that the process opens: a
 * quarter, within these bounds.
 */
const MIN_RESERVE = 64
const MAX_RESERVE = 512

const MIN_PEER_CONNECTIONS = 16

/**
 * Divides the descriptors that a process may have, so that neither clients nor strangers at the
 * port for peers can use up what the rest needs.
 */
export function connectionLimits(descriptors: number): ConnectionLimits {
  const reserve = clamp(descriptors / 4, MIN_RESERVE, MAX_RESERVE)
  const peers = clamp(descriptors / 8, MIN_PEER_CONNECTIONS, MAX_PEER_CONNECTIONS)
  return { peers, clients: clamp(descriptors - reserve - peers, 1, MAX_CLIENT_CONNECTIONS) }
}

function clamp(value: number, low: number, high: number): number {
  return Math.floor(Math.min(Math.max(value, low), high))
}
