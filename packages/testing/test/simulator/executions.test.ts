import { beforeEach, expect, it } from 'vitest'
import { type ExecutedCommand, Executions } from '../../src/simulator/checks/executions.js'

let firsts: ExecutedCommand[] = []
let executions = new Executions(() => undefined)

beforeEach(() => {
  firsts = []
  executions = new Executions((execution) => firsts.push(execution))
})

function execution(
  by: number,
  slot: number,
  tag: number,
  more: Partial<ExecutedCommand> = {},
): ExecutedCommand {
  const command = `command ${tag}`
  const encoded = Buffer.from(command)
  const position = { slot, index: 0 }
  return {
    by,
    position,
    tag,
    timeMs: 1000,
    version: 1,
    command,
    encoded,
    result: Buffer.from('done'),
    ...more,
  }
}

it('replicas may execute the same values at their own pace', () => {
  const first = execution(1, 1, 11)
  const second = execution(2, 3, 12)
  executions.add(first, 0)
  executions.add(execution(2, 1, 11), 0)
  executions.add(second, 1)
  executions.add(execution(1, 3, 12), 1)
  expect(executions.all).toEqual([first, second])
  expect(firsts, 'told of each once').toEqual([first, second])
})

it('a restarted replica may execute the same values again', () => {
  executions.add(execution(1, 1, 11), 0)
  executions.add(execution(1, 1, 11), 0)
  expect(firsts.length).toBe(1)
})

it.each<[string, ExecutedCommand, ExecutedCommand, string]>([
  ['another command in a slot', execution(1, 1, 11), execution(2, 1, 12), 'agreement'],
  ['the same command in another slot', execution(1, 1, 11), execution(2, 2, 11), 'agreement'],
  ['another time', execution(1, 1, 11), execution(2, 1, 11, { timeMs: 5 }), 'agreement'],
  [
    'another result',
    execution(1, 1, 11),
    execution(2, 1, 11, { result: Buffer.from('no') }),
    'non-determinism',
  ],
  ['an error instead', execution(1, 1, 11), execution(2, 1, 11, { result: 'done' }), 'non-determinism'],
])('a replica with %s is found', (_, first, second, kind) => {
  executions.add(first, 0)
  expect(() => executions.add(second, 0)).toThrow(expect.objectContaining({ name: 'Violation', kind }))
})

it('a replica that executes in another order is found', () => {
  executions.add(execution(1, 1, 11), 0)
  executions.add(execution(1, 2, 12), 1)
  expect(() => executions.add(execution(2, 2, 12), 0)).toThrow(expect.objectContaining({ kind: 'agreement' }))
})

it('a slot that goes back is found', () => {
  executions.add(execution(1, 2, 11), 0)
  expect(() => executions.add(execution(1, 2, 12), 1)).toThrow(expect.objectContaining({ kind: 'agreement' }))
})

it('a request that is executed in two slots is found', () => {
  executions.add(execution(1, 1, 11), 0)
  expect(() => executions.add(execution(1, 2, 11), 1)).toThrow(
    expect.objectContaining({ kind: 'executed-twice', message: expect.stringContaining('slot 1') }),
  )
})

it('the message names each server and its result', () => {
  executions.add(execution(1, 7, 11), 0)
  expect(() => executions.add(execution(3, 7, 11, { result: 'too much' }), 0)).toThrow(
    /apply\("command 11"\) in slot 7 came to the error 'too much' on s3, but to done on s1/,
  )
})
