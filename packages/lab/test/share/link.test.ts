import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  LinkError,
  MAX_FRAGMENT_LENGTH,
  MAX_TEXT_LENGTH,
  decodeLink,
  encodeLink,
} from '../../src/share/link.js'

const script = 'cluster 3 leader\npropose s1 "ä → 🎉"\ndeliver\n'

describe('a link', () => {
  it('decodes to the text that was encoded', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 300 }), async (text) => {
        const fragment = await encodeLink(text)
        expect(fragment).toMatch(/^A[\w-]*$/)
        expect(await decodeLink(fragment)).toBe(text)
      }),
    )
  })

  it('keeps a byte order mark, and may begin with #', async () => {
    expect(await decodeLink(`#${await encodeLink('\uFEFFcluster 3')}`)).toBe('\uFEFFcluster 3')
  })

  it('is short for repetitive texts such as scripts', async () => {
    const long = Array.from({ length: 500 }, (_, index) => `deliver accept s1 s${index % 5}`).join('\n')
    expect((await encodeLink(long)).length).toBeLessThan(long.length / 20)
  })

  it('with missing or changed characters is refused, or decodes to another text', async () => {
    const fragment = await encodeLink(script)
    for (let length = 1; length < fragment.length; length++)
      await expect(decodeLink(fragment.slice(0, length))).rejects.toThrow(LinkError)
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary-ascii' }), async (garbage) => {
        await decodeLink(`A${garbage}`).catch((error: unknown) => {
          expect(error).toBeInstanceOf(LinkError)
        })
      }),
    )
  })

  it('reports why it is invalid', async () => {
    await expect(decodeLink('#')).rejects.toThrow('There is nothing in this link.')
    await expect(decodeLink('Zabc')).rejects.toThrow('the form "Z", which this page does not know')
    await expect(decodeLink('Aab$c')).rejects.toThrow('characters in this link that do not belong there')
    await expect(decodeLink('A_w')).rejects.toThrow('This link is damaged')
  })

  it('has a limit of size in both directions', async () => {
    const zeros = new Blob(['0'.repeat(3 * MAX_TEXT_LENGTH + 1)]).stream()
    const bomb = await new Response(zeros.pipeThrough(new CompressionStream('deflate-raw'))).arrayBuffer()
    const fragment = `A${Buffer.from(bomb).toString('base64url')}`
    expect(fragment.length).toBeLessThan(MAX_FRAGMENT_LENGTH)
    await expect(decodeLink(fragment)).rejects.toThrow('has more than 3000000 bytes')
    await expect(decodeLink('A'.repeat(MAX_FRAGMENT_LENGTH + 1))).rejects.toThrow('at most 100000 are read')
    await expect(encodeLink('x'.repeat(MAX_TEXT_LENGTH + 1))).rejects.toThrow('Save it as a file.')
    await expect(encodeLink('\uD83C')).rejects.toThrow('half a character')
  })
})
