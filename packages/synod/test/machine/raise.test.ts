import { describe, expect, test } from 'vitest'
import type { Support } from '../../src/cluster/versions.js'
import { encodeChange } from '../../src/machine/change-codec.js'
import { type Raise, decodeRaise, encodeRaise, raiseOf } from '../../src/machine/raise.js'
import {
  encodeChangeRequest,
  encodeOpen,
  encodeRaiseRequest,
  encodeRequest,
} from '../../src/machine/request.js'
import type { Change } from '../../src/paxos/membership.js'
import { NO_OP, type Value } from '../../src/paxos/value.js'
import { Notes } from '../replica/notes.js'
import { keyOf } from './keys.js'
import { newExecutor } from './new-executor.js'

const support = (machine: number, newest = 1): Support => ({ formats: { oldest: 1, newest }, machine })

const raise = (to: Raise['to'], servers: Readonly<Record<number, Support>>): Value => {
  const members = Object.entries(servers).map(([id, support]) => ({ server: Number(id), support }))
  return encodeRaiseRequest(keyOf(9), encodeRaise({ to, members }))
}

const change = (it: Change): Value => encodeChangeRequest(keyOf(8), encodeChange(it))

const TWO = { format: 1, machine: 2 }
const ALL = { 1: support(2), 2: support(2), 3: support(3) }

/** Three servers, of which this one has version 3 of the state machine. */
function rig() {
  const machine = Object.assign(new Notes(), {
    version: 3,
    versionOf: (text: string) => (text.startsWith('v2') ? 2 : 1),
  })
  const executor = newExecutor(machine)
  const next = (value: Value) => {
    const outcome = executor.execute(executor.executed + 1, value)[0]?.outcome
    return outcome && `${outcome.status} ${Buffer.from(outcome.result).toString()}`.trim()
  }
  let sequence = 0
  const command = (text: string, version = 1) =>
    next(
      encodeRequest({
        kind: 'command',
        timeMs: 0,
        session: keyOf(7),
        opening: 1,
        sequence: ++sequence,
        acknowledged: 0,
        version,
        command: Buffer.from(JSON.stringify(text)),
      }),
    )
  next(encodeOpen(keyOf(7)))
  return { command, executor, machine, next }
}

describe('a raise of versions', () => {
  test('takes effect if it names all members, and all of them support it', () => {
    const { executor, next } = rig()
    expect(executor.agreed).toEqual({ format: 1, machine: 1 })
    expect(next(raise(TWO, ALL))).toBe('done')
    expect(executor.agreed).toEqual(TWO)
  })

  test.each<[string, Value, string]>([
    [
      'leaves out a member',
      raise(TWO, { 1: support(2), 2: support(2) }),
      'the servers are s1, s2, s3 by now',
    ],
    [
      'names a server that is no member',
      raise(TWO, { ...ALL, 4: support(2) }),
      'and no longer s1, s2, s3, s4',
    ],
    [
      'names another server in place of a member',
      raise(TWO, { 1: support(2), 2: support(2), 4: support(2) }),
      'and no longer s1, s2, s4',
    ],
    [
      'needs a version that a member does not support',
      raise(TWO, { ...ALL, 2: support(1) }),
      's2 has version 1',
    ],
    [
      'needs a format that a build does not support',
      raise({ format: 2, machine: 1 }, ALL),
      'the build of s1 knows version 1',
    ],
    ['is malformed', encodeRaiseRequest(keyOf(9), Buffer.from([0])), 'this raises no versions'],
  ])('has no effect if it %s', (_, value, reason) => {
    const { executor, next } = rig()
    expect(next(value)).toMatch(/^refused /)
    expect(executor.agreed).toEqual({ format: 1, machine: 1 })
    expect(rig().next(value)).toContain(reason)
  })

  test('has no effect if the membership changed since it was proposed', () => {
    const { executor, next } = rig()
    next(change({ type: 'add', server: 4, address: 'd:1', role: 'learner', replaces: 0 }))
    expect(next(raise(TWO, ALL))).toBe(
      'refused the servers are s1, s2, s3, s4 by now, and no longer s1, s2, s3',
    )
    expect(next(raise(TWO, { ...ALL, 4: support(2) }))).toBe('done')
    expect(executor.agreed).toEqual(TWO)
  })

  test('counts a removed voter as long as that decides slots', () => {
    const { executor, next } = rig()
    next(change({ type: 'remove', server: 3, isForced: true }))
    const others = { 1: support(2), 2: support(2) }
    expect(next(raise(TWO, others))).toMatch(/^refused/)
    while (executor.membership.configurations.length > 1) next(NO_OP)
    expect(next(raise(TWO, others))).toBe('done')
  })

  test('changes nothing if it is repeated, and never lowers a version', () => {
    const { executor, next } = rig()
    const three = { 1: support(3), 2: support(3), 3: support(3) }
    expect(next(raise({ format: 1, machine: 3 }, three))).toBe('done')
    expect(next(raise({ format: 1, machine: 3 }, three))).toBe('done')
    expect(next(raise(TWO, ALL))).toMatch(/^refused/)
    expect(executor.agreed.machine).toBe(3)
  })

  test('ends a server that does not support the new version, before it executes anything later', () => {
    const { next } = rig()
    const four = { 1: support(4), 2: support(4), 3: support(4) }
    expect(() => next(raise({ format: 1, machine: 4 }, four))).toThrow(
      expect.objectContaining({ code: 'wrong-version' }),
    )
  })

  test('ends a server that does not support it as soon as it is chosen, before it is executed', () => {
    const { executor } = rig()
    const four = raise({ format: 1, machine: 4 }, { 1: support(4), 2: support(4), 3: support(4) })
    const log = (values: readonly Value[]) => () => {
      executor.checkVersions((slot) => values[slot - 2])
    }
    expect(log([NO_OP, raise(TWO, ALL)])).not.toThrow()
    expect(log([NO_OP, four])).toThrow(expect.objectContaining({ code: 'wrong-version' }))
    // A void raise ends no server.
    const joining = change({ type: 'add', server: 4, address: 'd:1', role: 'learner', replaces: 0 })
    expect(log([joining, four])).not.toThrow()
    expect(executor.agreed.machine).toBe(1)
    expect(executor.membership.members).toHaveLength(3)
  })

  test('is decoded as it was encoded, and no other bytes are a raise', () => {
    const members = [{ server: 300, support: support(65_535, 7) }]
    const bytes = encodeRaise({ to: { format: 7, machine: 65_535 }, members })
    expect(decodeRaise(bytes)).toEqual({ to: { format: 7, machine: 65_535 }, members })
    for (let size = 0; size < bytes.length; size++)
      expect(() => decodeRaise(bytes.subarray(0, size))).toThrow()
    expect(() => decodeRaise(encodeRaise({ to: { format: 0, machine: 1 }, members }))).toThrow('version 0')
    expect(raiseOf(NO_OP)).toBeUndefined()
  })
})

describe('a command of a later version', () => {
  test('fails on every replica alike until the version is agreed', () => {
    const { command, machine, next } = rig()
    expect(command('v2 a')).toBe('failed not all members know this command')
    expect(command('b', 2)).toBe('failed not all members know this command')
    expect(command('c')).toBe('done 1')
    next(raise(TWO, ALL))
    expect(command('v2 d')).toBe('done 2')
    expect(command('e', 2)).toBe('done 3')
    expect(command('f', 3)).toBe('failed not all members know this command')
    expect(machine.texts).toEqual(['c', 'v2 d', 'e'])
  })

  test('finds the agreed version in its context', () => {
    const versions: number[] = []
    const executor = newExecutor({
      version: 2,
      apply: (_: string, { version }) => versions.push(version),
      query: () => 0,
    })
    const value = (sequence: number) =>
      encodeRequest({
        ...{ kind: 'command', timeMs: 0, session: keyOf(7), opening: 1, acknowledged: 0 },
        ...{ sequence, version: 1, command: Buffer.from('"a"') },
      })
    executor.execute(1, encodeOpen(keyOf(7)))
    executor.execute(2, value(1))
    executor.execute(3, raise(TWO, ALL))
    executor.execute(4, value(2))
    expect(versions).toEqual([1, 2])
  })
})

test('a snapshot contains the agreed versions, and a machine that is too old refuses it', async () => {
  const { executor, next } = rig()
  next(raise(TWO, ALL))
  const parts = [...executor.snapshot()!.parts]
  const given = async function* () {
    yield* parts
  }
  const other = rig().executor
  await other.restore(given())
  expect(other.agreed).toEqual(TWO)
  const machine = new Notes()
  machine.apply('before', { position: { slot: 1, index: 0 }, timeMs: 0, version: 1 })
  await expect(newExecutor(machine).restore(given())).rejects.toMatchObject({ code: 'wrong-version' })
  expect(machine.texts, 'it was not even asked').toEqual(['before'])
})
