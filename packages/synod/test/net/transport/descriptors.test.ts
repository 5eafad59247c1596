import { describe, expect, it } from 'vitest'
import { connectionLimits, descriptorLimit } from '../../../src/net/transport/descriptors.js'

describe('the descriptors of a process', () => {
  it('are as many as the system allows', () => {
    expect(descriptorLimit()).toBeGreaterThan(64)
  })

  it.each([
    [Infinity, 10_000, 1024],
    [65_536, 10_000, 1024],
    [4096, 3072, 512],
    [1024, 640, 128],
    [256, 160, 32],
    [128, 48, 16],
    [80, 1, 16],
  ])('allow, of %d, %d clients and %d peers', (descriptors, clients, peers) => {
    expect(connectionLimits(descriptors)).toEqual({ clients, peers })
  })

  it('are never all used by connections, unless there are too few to run', () => {
    for (let descriptors = 128; descriptors < 100_000; descriptors += 61) {
      const { clients, peers } = connectionLimits(descriptors)
      expect(clients + peers + 64).toBeLessThanOrEqual(descriptors)
    }
  })
})
