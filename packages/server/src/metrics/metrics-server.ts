import { type Server, createServer } from 'node:http'
import { SynodError, parseAddress } from 'synod'

const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
/** Whoever asks for metrics asks for little, and not often. */
const MOST_CONNECTIONS = 16
const REQUEST_TIMEOUT_MS = 5000

/**
 * Serves a text at /metrics over HTTP, and nothing else. Rejects with `invalid-options` if it cannot listen. Resolves with
 * what ends it.
 */
export async function serveMetrics(address: string, text: () => string): Promise<() => Promise<void>> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    if (pathname !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('there is only /metrics\n')
    } else if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end()
    } else {
      const body = text()
      response.writeHead(200, { 'content-type': CONTENT_TYPE, 'content-length': Buffer.byteLength(body) })
      response.end(request.method === 'GET' ? body : undefined)
    }
  })
  server.maxConnections = MOST_CONNECTIONS
  server.requestTimeout = REQUEST_TIMEOUT_MS
  const { host, port } = parseAddress(address)
  await listening(server, host, port)
  return () =>
    new Promise((resolve) => {
      server.close(() => {
        resolve()
      })
      server.closeAllConnections()
    })
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(new SynodError('invalid-options', `cannot serve metrics at ${host}:${port}: ${error.message}`))
    })
    server.listen(port, host, resolve)
  })
}
