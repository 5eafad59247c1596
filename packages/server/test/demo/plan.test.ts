import { expect, test } from 'vitest'
import { MAX_DEFAULT_ADDRESSES } from '../../src/terminal/addresses.js'
import { planDemo } from '../../src/demo/plan.js'

test('by default the demo listens on the ports that clients try first', () => {
  const plan = planDemo({ mode: 'leader', replicas: MAX_DEFAULT_ADDRESSES, directory: 'd' })
  expect(plan.map(({ clients }) => clients.replace('127.0.0.1:', ''))).toEqual([
    '2379',
    '22379',
    '32379',
    '42379',
    '52379',
    '62379',
  ])
  expect(plan.map(({ peers }) => peers.replace('127.0.0.1:', ''))).toEqual([
    '2380',
    '22380',
    '32380',
    '42380',
    '52380',
    '62380',
  ])
})

test('a base port moves all ports', () => {
  const [, second] = planDemo({ mode: 'leaderless', replicas: 2, directory: 'd', basePort: 20_000 })
  expect(second).toEqual({
    id: 2,
    name: 's2',
    clients: '127.0.0.1:20002',
    peers: '127.0.0.1:20003',
    dataDir: 'd/s2',
    logFile: 'd/logs/s2.log',
    serveArgs: [
      ...['serve', '--id', '2', '--cluster-name', 'demo', '--mode', 'leaderless'],
      ...['--servers', '1=127.0.0.1:20001,2=127.0.0.1:20003'],
      ...['--clients', '127.0.0.1:20002', '--data-dir', 'd/s2'],
    ],
  })
})
