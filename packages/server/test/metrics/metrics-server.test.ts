import { once } from 'node:events'
import { type Socket, connect } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Logger } from 'synod'
import { serveMetrics } from '../../src/metrics/metrics-server.js'
import { freePorts } from '../e2e/ports.js'

let port: number
let end: () => Promise<void>
let times: number
let logged: string[]
let text: () => string
const log = (_: object, message: string) => {
  logged.push(message)
}
const logger: Logger = { info: log, warn: log, error: log }

beforeEach(async () => {
  port = await freePorts(1)
  times = 0
  logged = []
  text = () => `synod_times ${++times}\n`
  end = await serveMetrics(`127.0.0.1:${port}`, () => text(), logger)
})
afterEach(async () => {
  await end()
})

const get = (path: string, method = 'GET') => fetch(`http://127.0.0.1:${port}${path}`, { method })

/** A connection on which these bytes were sent. */
function send(bytes: string): Socket {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => undefined)
  socket.write(bytes)
  return socket
}

/** Resolves when the server has closed or reset the connection. */
async function closed(socket: Socket): Promise<void> {
  socket.resume()
  await Promise.race([once(socket, 'end'), once(socket, 'close')])
}

/** All that the server says to these bytes until it closes the connection. */
async function exchange(bytes: string): Promise<string> {
  const socket = send(bytes)
  let answer = ''
  socket.on('data', (chunk) => (answer += chunk.toString()))
  await closed(socket)
  socket.destroy()
  return answer
}

test('the server answers GET and HEAD of /metrics, and nothing else', async () => {
  const first = await get('/metrics')
  expect([first.status, first.headers.get('content-type'), first.headers.get('connection')]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
    'close',
  ])
  expect(await first.text()).toBe('synod_times 1\n')
  expect(await (await get('/metrics?x=1', 'HEAD')).text()).toBe('')
  expect((await get('/metrics', 'POST')).status).toBe(405)
  expect((await get('/')).status).toBe(404)
  await expect(serveMetrics(`127.0.0.1:${port}`, () => '', logger)).rejects.toMatchObject({
    code: 'invalid-options',
  })
  await end()
  await expect(get('/metrics')).rejects.toThrow()
})

test.each([
  ['two slashes', 'GET // HTTP/1.1\r\nHost: a\r\n\r\n', 404],
  ['a bad host', 'GET //[ HTTP/1.1\r\nHost: a\r\n\r\n', 404],
  ['a bad escape', 'GET /%zz%00 HTTP/1.1\r\nHost: a\r\n\r\n', 404],
  ['a bad origin', 'GET http://[/metrics HTTP/1.1\r\nHost: a\r\n\r\n', 200],
  ['an absolute form', 'GET http://elsewhere:1/metrics HTTP/1.1\r\nHost: a\r\n\r\n', 200],
  ['a bad absolute form', 'GET http:/ HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['an asterisk', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', 404],
  ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', undefined],
  [
    'an upgrade',
    'GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    200,
  ],
  ['an expectation', 'GET /metrics HTTP/1.1\r\nHost: a\r\nExpect: anything\r\n\r\n', 417],
  [
    'a body that is expected',
    'POST /metrics HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1000000000\r\n\r\n',
    100,
  ],
  [
    'half a chunk',
    'POST /metrics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n',
    405,
  ],
  ['a bad chunk', 'POST /metrics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n', 405],
  ['no host', 'GET /metrics HTTP/1.1\r\n\r\n', 400],
  ['a bad version', 'GET /metrics HTTP/9.9\r\n\r\n', 400],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  ['zeros', '\0\0\0\0', 400],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  ['a giant header', `GET /metrics HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(9000)}\r\n\r\n`, 431],
  ['a giant target', `GET /${'x'.repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
])('the server goes on after a request with %s', async (_, bytes, status) => {
  const answer = await exchange(bytes)
  expect(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]).toBe(status?.toString())
  expect((await get('/metrics')).status).toBe(200)
})

test('the server goes on after a request with many headers', async () => {
  const answer = await exchange(`GET /metrics HTTP/1.1\r\nHost: a\r\n${'x:\r\n'.repeat(1500)}\r\n`)
  // From Node 22 on, the line ends count towards the size of a header.
  expect(['200', '431']).toContain(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1])
  expect((await get('/metrics')).status).toBe(200)
})

test('an error while the text is made is answered with 500 and logged', async () => {
  text = () => {
    throw new Error('planned')
  }
  expect((await get('/metrics')).status).toBe(500)
  expect(logged).toEqual([expect.stringContaining('planned')])
})

test('a connection serves one request, however many are sent on it', async () => {
  const answer = await exchange('GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(1000))
  expect(times).toBe(1)
  expect(answer.match(/HTTP\/1\.1/g)?.length ?? 0).toBeLessThanOrEqual(1)
})

test('idle connections do not keep new clients out: the oldest is closed', async () => {
  const idle = Array.from({ length: 16 }, () => send('GET /metrics HTTP/1.1\r\n'))
  await Promise.all(idle.map((socket) => once(socket, 'connect')))
  const firstGone = closed(idle[0]!)
  for (let count = 0; count < 20; count++) expect((await get('/metrics')).status).toBe(200)
  await firstGone
  for (const socket of idle) socket.destroy()
})

test('half a request is dropped after its time limit, and so is an answer that is not read', async () => {
  text = () => 'x'.repeat(32 * 1024 * 1024)
  const halves = ['', 'GET /metrics HTTP/1.1\r\n', 'GET /metr'].map(send)
  const unread = send('GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n').pause()
  await Promise.all(halves.map(closed))
  // What it has not read hides from a client that the connection is gone, until it writes.
  await expect
    .poll(() => (unread.write('x'), unread.destroyed), { interval: 100, timeout: 30_000 })
    .toBe(true)
  for (const socket of halves) socket.destroy()
})
