import { InvalidArgumentError } from 'commander'
import type { Quorums } from 'synod'

/** The highest id that a server can have. */
export const MAX_SERVER_ID = 65_535

/** Parses a decimal integer from `low` to `high`. */
export function integerFrom(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN
    if (value >= low && value <= high) return value
    throw new InvalidArgumentError(`it must be a whole number from ${low} to ${high}`)
  }
}

/** Parses the name of a server: `s2`, or `2`. */
export function parseServerId(text: string): number {
  const id = Number(/^s?(\d{1,5})$/.exec(text)?.[1])
  if (id >= 1 && id <= MAX_SERVER_ID) return id
  throw new InvalidArgumentError('it must be a server such as s2')
}

/** A server by its id, and its address for peers. */
export interface ServerAt {
  readonly server: number
  readonly address: string
}

/** Parses `4=host:port`, or `s4=host:port`. The address is checked by the library. */
export function parseServerAt(text: string): ServerAt {
  const [, name, address] = /^([^=]*)=(.+)$/.exec(text) ?? []
  if (name === undefined || address === undefined)
    throw new InvalidArgumentError('it must be a server and its address such as 4=10.0.0.4:2380')
  return { server: parseServerId(name), address }
}

/** Parses a positive number, such as 2 or 0.5, up to `high`. */
export function numberUpTo(high: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : NaN
    if (value > 0 && value <= high) return value
    throw new InvalidArgumentError(`it must be a number above 0 and up to ${high}`)
  }
}

/** Parses `a,b,c`. The caller checks the parts. */
export function parseList(text: string): string[] {
  const parts = text.split(',').map((part) => part.trim())
  // Node has replaced bytes of the environment that are not UTF-8 by this character.
  if (parts.some((part) => part === '' || part.includes('\ufffd')))
    throw new InvalidArgumentError('it must be a list such as a,b,c')
  return parts
}

/** Parses `1=host:port,2=host:port`. The addresses are checked by the library. */
export function parseServers(text: string): Record<number, string> {
  const servers: Record<number, string> = {}
  for (const part of parseList(text)) {
    const match = /^(\d{1,5})=(.+)$/.exec(part)
    if (match?.[1] === undefined || match[2] === undefined) {
      throw new InvalidArgumentError('it must be a list such as 1=10.0.0.1:2380,2=10.0.0.2:2380')
    }
    const id = Number(match[1])
    if (id in servers) throw new InvalidArgumentError(`it names server ${id} twice`)
    servers[id] = match[2]
  }
  return servers
}

/** Parses `3,2`. Whether such quorums meet is checked by the library. */
export function parseQuorums(text: string): Quorums {
  const match = /^(\d{1,2}),(\d{1,2})$/.exec(text)
  if (match === null) throw new InvalidArgumentError('it must be two numbers of servers such as 3,2')
  return { phase1: Number(match[1]), phase2: Number(match[2]) }
}
