import { expect, test } from 'vitest'
import {
  integerFrom,
  numberUpTo,
  parseList,
  parseServerId,
  parseServerAt,
  parseServers,
} from '../../src/terminal/parsers.js'

test('integerFrom accepts whole numbers in its range', () => {
  const parse = integerFrom(1, 65_535)
  expect(parse('1')).toBe(1)
  expect(parse('65535')).toBe(65_535)
  for (const text of ['', '0', '65536', '-1', '1.5', '1e3', '0x10', ' 1', 'one', '9'.repeat(30)]) {
    expect(() => parse(text), text).toThrow('a whole number from 1 to 65535')
  }
})

test('numberUpTo accepts positive numbers up to its limit', () => {
  const parse = numberUpTo(10)
  expect(parse('0.5')).toBe(0.5)
  expect(parse('10')).toBe(10)
  for (const text of ['', '0', '0.0', '10.1', '-1', '.5', '1.', 'NaN', 'Infinity']) {
    expect(() => parse(text), text).toThrow('above 0 and up to 10')
  }
})

test('parseList accepts a list of endpoints', () => {
  expect(parseList('127.0.0.1:2379')).toEqual(['127.0.0.1:2379'])
  expect(parseList('db1:1, [::1]:2')).toEqual(['db1:1', '[::1]:2'])
  for (const text of ['', 'a,', ',a', 'a,,b']) expect(() => parseList(text), text).toThrow('a list such as')
})

test('parseServers accepts a list of servers with addresses, each id once', () => {
  expect(parseServers('1=a:1,3=[::1]:3')).toEqual({ 1: 'a:1', 3: '[::1]:3' })
  expect(() => parseServers('1=a:1,1=b:2')).toThrow('names server 1 twice')
  expect(() => parseServers('1=a:1,01=b:2')).toThrow('names server 1 twice')
  for (const text of ['a:1', '1', '1=', '=a:1', 's1=a:1', '1=a:1,']) {
    expect(() => parseServers(text), text).toThrow('a list such as')
  }
})

test('parseServerId accepts an id or a name, and parseServerAt an address beside it', () => {
  expect(parseServerId('s65535')).toBe(65_535)
  for (const text of ['', 's', '0', '65536', 'x1']) {
    expect(() => parseServerId(text), text).toThrow('a server such as s2')
  }
  expect(parseServerAt('4=[::1]:2380')).toEqual({ server: 4, address: '[::1]:2380' })
  expect(parseServerAt('s4=host:1')).toEqual({ server: 4, address: 'host:1' })
  expect(() => parseServerAt('four=host:1')).toThrow('a server such as s2')
  for (const text of ['', '4', '4=', 'host:1']) {
    expect(() => parseServerAt(text), text).toThrow('a server and its address such as')
  }
})
