import type { ServerId } from './ballot.js'

/** A set of servers: each once, in ascending order. */
export type ServerSet = readonly ServerId[]

export const NO_SERVERS: ServerSet = []

export function withServer(set: ServerSet, server: ServerId): ServerSet {
  const index = set.findIndex((other) => other >= server)
  if (index < 0) return [...set, server]
  return set[index] === server ? set : set.toSpliced(index, 0, server)
}

export function withoutServer(set: ServerSet, server: ServerId): ServerSet {
  return set.filter((other) => other !== server)
}

export function unionOf(sets: readonly ServerSet[]): ServerSet {
  return [...new Set(sets.flat())].sort((a, b) => a - b)
}
