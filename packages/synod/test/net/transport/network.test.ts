import { describe, expect, it } from 'vitest'
import { formatAddress, parseAddress } from '../../../src/net/transport/network.js'

describe('an address', () => {
  it.each([
    ['127.0.0.1:2380', '127.0.0.1', 2380],
    ['db1.example.com:1', 'db1.example.com', 1],
    ['[::1]:65535', '::1', 65535],
    ['localhost:0', 'localhost', 0],
  ])('%s is parsed and printed', (text, host, port) => {
    expect(parseAddress(text)).toEqual({ host, port })
    expect(formatAddress({ host, port })).toBe(text)
  })

  it.each(['', ':2380', 'host', 'host:', 'host:65536', '::1:2380', '[]:1', 'host:1x', 'a b:1', 'host:-1'])(
    "'%s' is refused",
    (text) => {
      expect(() => parseAddress(text)).toThrow(expect.objectContaining({ code: 'invalid-options' }))
    },
  )
})
