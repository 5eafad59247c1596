import { expect, test } from 'vitest'
import { serveMetrics } from '../../src/metrics/metrics-server.js'
import { freePorts } from '../e2e/ports.js'

test('there is /metrics, for those who read, and nothing else', async () => {
  const address = `127.0.0.1:${await freePorts(1)}`
  let times = 0
  const end = await serveMetrics(address, () => `synod_times ${++times}\n`)
  try {
    const get = (path: string, method = 'GET') => fetch(`http://${address}${path}`, { method })
    const first = await get('/metrics')
    expect([first.status, first.headers.get('content-type')]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
    ])
    expect(await first.text()).toBe('synod_times 1\n')
    expect(await (await get('/metrics?x=1', 'HEAD')).text()).toBe('')
    expect((await get('/metrics', 'POST')).status).toBe(405)
    expect((await get('/')).status).toBe(404)
    await expect(serveMetrics(address, () => '')).rejects.toMatchObject({ code: 'invalid-options' })
  } finally {
    await end()
  }
  await expect(fetch(`http://${address}/metrics`)).rejects.toThrow()
})
