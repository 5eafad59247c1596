import { expect, test } from 'vitest'
import { Writer } from '../../src/bytes/writer.js'
import { Call, MAX_CALLS } from '../../src/call.js'
import { SESSION_WINDOW, decodeRequest } from '../../src/machine/request.js'
import { SessionPool } from '../../src/machine/session-pool.js'
import { PendingRequest, SynodError } from '../../src/errors.js'
import { keyOf } from './keys.js'

function rig() {
  const submitted: { kind: string; session: string; call: Call<Uint8Array> }[] = []
  let drawn = 0
  const pool = new SessionPool(
    (value, call) => {
      const { kind, session } = decodeRequest(value)
      submitted.push({ kind, session, call })
      const opening = new Writer(8)
      opening.varint(drawn)
      if (kind === 'open') call.resolve(opening.view())
    },
    () => keyOf(++drawn),
    () => new Call<Uint8Array>('connect'),
  )
  const execute = () => {
    const call = new Call<Uint8Array>('command')
    pool.execute({ command: new Uint8Array(1), version: 1 }, call)
    return call
  }
  const commands = () => submitted.filter(({ kind }) => kind === 'command')
  return { pool, execute, submitted, commands }
}

test('another session is opened when all windows are full, and no command waits', async () => {
  const { commands, execute } = rig()
  for (let count = 0; count < 3 * SESSION_WINDOW; count++) execute()
  await Promise.resolve()
  expect(commands()).toHaveLength(3 * SESSION_WINDOW)
  expect(new Set(commands().map(({ session }) => session)).size).toBe(3)
  commands()[0]!.call.resolve(new Uint8Array(0))
  execute()
  expect(commands().at(-1)?.session, 'the first that has a free place').toBe(keyOf(1))
})

test('as many calls as may be under way at once are sent, in 64 sessions', async () => {
  const { commands, execute } = rig()
  for (let count = 0; count <= MAX_CALLS; count++) execute()
  await Promise.resolve()
  expect(commands()).toHaveLength(MAX_CALLS)
  expect(new Set(commands().map(({ session }) => session)).size).toBe(64)
})

test('a request of another client is not resumed', async () => {
  const { pool } = rig()
  const call = new Call<Uint8Array>('command')
  pool.execute({ command: new Uint8Array(1), version: 1 }, call, new PendingRequest())
  await expect(call.promise).rejects.toMatchObject({ code: 'invalid-options' })
})

test('a request that can be resumed needs no further session', async () => {
  const { commands, execute } = rig()
  const lost = execute()
  await Promise.resolve()
  lost.state = 'sent'
  lost.promise.catch(() => undefined)
  lost.reject(new SynodError('no-quorum', 'no answer'))
  for (let count = 0; count < 3 * SESSION_WINDOW; count++) {
    execute()
    commands().at(-1)!.call.resolve(new Uint8Array(0))
  }
  expect(new Set(commands().map(({ session }) => session)).size).toBe(1)
})
