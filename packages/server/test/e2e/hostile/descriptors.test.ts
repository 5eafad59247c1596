import { expect, test } from 'vitest'
import { KvClient } from 'synod-server'
import { runCli, startCluster } from '../processes.js'
import { sideBySide } from '../site.js'
import { Hostile } from './wire.js'

/** The descriptors of each replica, and the clients that want to be connected to it. */
const DESCRIPTORS = 128
const IDLE = 200

const PATIENCE_MS = 60_000

/** More than a segment of the journal, so that a file is opened meanwhile. */
const PUTS = 70
const VALUE = Buffer.alloc((1 << 20) - 1024, 'x')

test.skipIf(process.platform === 'win32')(
  'a replica keeps the descriptors that it needs, and ends idle clients for new ones',
  async () => {
    const site = await sideBySide(3)
    const limited = ['sh', '-c', `ulimit -n ${DESCRIPTORS} && exec "$@"`, 'sh']
    await using cluster = await startCluster({ mode: 'leader', replicas: { ...site, under: () => limited } })
    const idle = await Promise.all(
      cluster.endpoints.flatMap((endpoint) => Array.from({ length: IDLE }, () => Hostile.open(endpoint))),
    )
    try {
      await using client = await KvClient.connect({ endpoints: cluster.endpoints, timeoutMs: PATIENCE_MS })
      for (let count = 0; count < PUTS; count++) await client.put(`key ${count % 8}`, VALUE)
      const { code, stdout } = await runCli([
        ...['status', '--json', '--timeout-ms', String(PATIENCE_MS)],
        ...['--endpoints', cluster.endpoints.join(',')],
      ])
      expect(code, stdout).toBe(0)
      for (const { log, pid } of cluster.replicas) {
        expect(() => process.kill(pid, 0), log).not.toThrow()
        expect(log).not.toContain('EMFILE')
      }
      expect(idle.filter(({ isOpen }) => isOpen).length).toBeLessThan(3 * DESCRIPTORS)
    } finally {
      for (const hostile of idle) hostile.end()
    }
  },
)
