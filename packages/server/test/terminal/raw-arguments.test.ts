import { expect, test } from 'vitest'
import { requireFaithful } from '../../src/terminal/raw-arguments.js'

const ODD = '\ufffd'

function refusal(args: readonly string[], raw: readonly Buffer[] | undefined): string | undefined {
  try {
    requireFaithful(args, () => raw)
  } catch (error) {
    return (error as Error).message
  }
  return undefined
}

test('arguments without the replacement character need no second check', () => {
  requireFaithful(['put', 'ä', ''], () => {
    throw new Error('not needed')
  })
})

test('bytes that are not UTF-8 are told apart from a typed replacement character', () => {
  const before = [Buffer.from('node'), Buffer.from('bin.js')]
  expect(refusal(['put', ODD], [...before, Buffer.from('put'), Buffer.from(ODD)])).toBeUndefined()
  expect(refusal(['put', '', ODD], [...before, Buffer.from('put'), Buffer.of(), Buffer.of(0xff)])).toBe(
    'argument 3 is not UTF-8: give keys and values of any bytes with --encoding hex or base64, or from a file',
  )
})

test('a replacement character is refused where the raw bytes are not known', () => {
  expect(refusal(['put', ODD], undefined)).toMatch(
    /^argument 2 holds \ufffd, or bytes that are not UTF-8: give /,
  )
})
