import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http'
import type { Socket } from 'node:net'
import { type Logger, SynodError, parseAddress } from 'synod'

const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
/** Scrapers are few. A further connection replaces the oldest one. */
const MAX_CONNECTIONS = 16
const MAX_HEADER_BYTES = 8 * 1024
/** For the request to arrive and the answer to be read. */
const CONNECTION_TIMEOUT_MS = 5000
/** The beginning of an absolute-form request target. */
const ORIGIN = /^https?:\/\/[^/?#]*/i

/**
 * Serves a text at /metrics over HTTP, one request on each connection. The answer is 503 while
 * there is no text, and 500 with a line in the log if `text` throws. Rejects with `invalid-options`
 * if it cannot listen. Resolves with the function that ends it.
 */
export async function serveMetrics(
  address: string,
  text: () => string | undefined,
  logger: Logger,
): Promise<() => Promise<void>> {
  const connections = new Set<Socket>()
  const answered = new WeakSet<Socket>()
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
    const { socket } = request
    // Pipelined requests would cost the server more than their sender.
    if (answered.has(socket)) {
      socket.destroy()
      return
    }
    answered.add(socket)
    response.setHeader('connection', 'close')
    try {
      answer(request, response, text)
    } catch (error) {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
      logger.error({ reason }, `a request for metrics failed: ${reason}`)
      if (response.headersSent) socket.destroy()
      else response.writeHead(500, { 'content-type': 'text/plain' }).end('the metrics cannot be read\n')
    }
  })
  server.on('checkExpectation', (_, response) => {
    response.writeHead(417, { connection: 'close' }).end()
  })
  server.on('connection', (socket) => {
    const [oldest] = connections
    if (oldest !== undefined && connections.size >= MAX_CONNECTIONS) {
      connections.delete(oldest)
      oldest.destroy()
    }
    connections.add(socket)
    const timer = setTimeout(() => socket.destroy(), CONNECTION_TIMEOUT_MS)
    socket.once('close', () => {
      clearTimeout(timer)
      connections.delete(socket)
    })
  })
  const { host, port } = parseAddress(address)
  await listening(server, host, port)
  return () =>
    new Promise((resolve) => {
      server.close(() => {
        resolve()
      })
      for (const socket of connections) socket.destroy()
    })
}

function answer(request: IncomingMessage, response: ServerResponse, text: () => string | undefined): void {
  const target = (request.url ?? '').replace(ORIGIN, '')
  if (target !== '/metrics' && !target.startsWith('/metrics?')) {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('there is only /metrics\n')
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end()
  } else {
    const body = text()
    if (body === undefined) {
      response.writeHead(503, { 'content-type': 'text/plain' }).end('the replica is not open yet\n')
      return
    }
    response.writeHead(200, { 'content-type': CONTENT_TYPE, 'content-length': Buffer.byteLength(body) })
    response.end(request.method === 'GET' ? body : undefined)
  }
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    // Once it listens, an error concerns one connection that could not be accepted.
    server.on('error', (error) => {
      reject(new SynodError('invalid-options', `cannot serve metrics at ${host}:${port}: ${error.message}`))
    })
    server.listen(port, host, resolve)
  })
}
