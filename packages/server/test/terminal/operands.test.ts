import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readOperands } from '../../src/terminal/operands.js'

let directory: string
let file: string
const ODD = Buffer.of(0xff, 0, 10)
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'operands-'))
  file = join(directory, 'odd')
  await writeFile(file, ODD)
})
afterAll(() => rm(directory, { recursive: true }))

const key = { name: 'key' }
const value = { name: 'value', stdin: true }

test('arguments fill the operands that have no file, in order', async () => {
  const [hi, there] = [Buffer.from('hi'), Buffer.from('there')]
  expect(await readOperands([key, value], ['hi', 'there'], 'utf8')).toEqual([hi, there])
  expect(await readOperands([{ ...key, file }, value], ['there'], 'utf8')).toEqual([ODD, there])
  expect(await readOperands([key, { ...value, file }], ['6869'], 'hex')).toEqual([hi, ODD])
  expect(
    await readOperands(
      [
        { ...key, file },
        { ...value, file },
      ],
      [],
      'base64',
    ),
  ).toEqual([ODD, ODD])
})

describe('wrong operands are refused:', () => {
  test.each([
    ['too few arguments', [key, value], ['a'], "missing required argument 'value'"],
    ['too many arguments', [key, value], ['a', 'b', 'c'], 'expected 2 arguments here, not 3'],
    [
      'an argument beside its file',
      [key, { ...value, file: 'x' }],
      ['a', 'b'],
      'expected 1 argument here, not 2',
    ],
    [
      'stdin for two operands',
      [{ ...key, file: '-' }, value],
      ['-'],
      'only one of key and values can come from stdin',
    ],
  ])('%s', async (_, operands, args, message) => {
    await expect(readOperands(operands, args, 'utf8')).rejects.toMatchObject({ code: 'usage', message })
  })

  test('a file that does not exist, or never ends', async () => {
    const missing = join(directory, 'none')
    await expect(readOperands([{ ...value, file: missing }], [], 'utf8')).rejects.toMatchObject({
      code: 'ENOENT',
    })
    await expect(readOperands([{ ...value, file: '/dev/zero' }], [], 'utf8')).rejects.toMatchObject({
      code: 'too-large',
      message: '/dev/zero has more than 1048576 bytes: nothing was sent',
    })
  })
})
