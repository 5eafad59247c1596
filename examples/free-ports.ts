import { createServer, type AddressInfo } from 'node:net'

/** The first of some ports in a row that are free. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = await listen(0)
    const rest = await Promise.allSettled(
      Array.from({ length: count - 1 }, (_, index) => listen(first + 1 + index)),
    )
    if (rest.every(({ status }) => status === 'fulfilled')) return first
  }
}

/** Listens for a moment, and says where. */
function listen(port: number): Promise<number> {
  return new Promise((found, failed) => {
    const server = createServer()
    server.once('error', failed)
    server.listen(port, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => found(port))
    })
  })
}
