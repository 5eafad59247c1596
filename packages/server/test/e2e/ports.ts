import { createServer } from 'node:net'

/**
 * Below the range from which the system takes ports for outgoing connections: those would get in
 * the way.
 */
const LOWEST_PORT = 20_000
const HIGHEST_PORT = 32_000

/**
 * Files run side by side, each in a worker of its own: a port that one has let go for a moment is
 * not free for the other.
 */
const WORKERS = 4
const worker = Number(process.env.VITEST_POOL_ID ?? 1) % WORKERS
const COUNT = (HIGHEST_PORT - LOWEST_PORT) / WORKERS

/** Ports are given out in turn, so that each stays free until its server listens. */
let next = Math.floor(Math.random() * COUNT)

/** The first of `count` ports in a row on which nothing listens. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    if (next + count > COUNT) next = 0
    const first = LOWEST_PORT + worker * COUNT + next
    next += count
    const ports = Array.from({ length: count }, (_, index) => first + index)
    const free = await Promise.all(ports.map(isFree))
    if (free.every(Boolean)) return first
  }
}

/** Whether nothing listens on this port. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => {
      resolve(false)
    })
    server.listen({ host: '127.0.0.1', port }, () => {
      server.close(() => {
        resolve(true)
      })
    })
  })
}
