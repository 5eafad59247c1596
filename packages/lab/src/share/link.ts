// What was clicked together as the fragment of a URL: a letter for the form, then the text,
// deflated, in base64url. The page needs no server for it, and a fragment is sent to none.

/** A text of more characters is not made a link of: programs that pass links on cut longer ones. */
export const MAX_TEXT_LENGTH = 1_000_000

/** A fragment of more characters is not read. */
export const MAX_FRAGMENT_LENGTH = 100_000

/** The form of what follows. Another form will have another letter. */
const DEFLATED = 'A'

/** Why something cannot be shared, or a fragment cannot be read: for people. */
export class LinkError extends Error {
  override readonly name = 'LinkError'
}

/**
 * The fragment, without its `#`, that `decodeLink` makes `text` of again. Rejects with a
 * `LinkError` where it would be too long.
 */
export async function encodeLink(text: string): Promise<string> {
  if (text.length > MAX_TEXT_LENGTH) throw tooLong(text.length)
  // A lone half of a pair of code units is no text, and would come back as something else.
  if (/\p{Surrogate}/u.test(text)) throw new LinkError('The text has half a character in it.')
  const deflated = await bytesOf(
    through(new TextEncoder().encode(text), new CompressionStream('deflate-raw')),
  )
  const fragment = DEFLATED + base64url(deflated)
  if (fragment.length > MAX_FRAGMENT_LENGTH) throw tooLong(text.length)
  return fragment
}

/** The text that was shared. Rejects with a `LinkError`. A `#` in front does no harm. */
export async function decodeLink(fragment: string): Promise<string> {
  const link = fragment.startsWith('#') ? fragment.slice(1) : fragment
  const version = link.charAt(0)
  if (version === '') throw new LinkError('There is nothing in this link.')
  if (version !== DEFLATED)
    throw new LinkError(`This link has the form ${JSON.stringify(version)}, which this page does not know.`)
  if (link.length > MAX_FRAGMENT_LENGTH)
    throw new LinkError(`This link has ${link.length} characters; at most ${MAX_FRAGMENT_LENGTH} are read.`)
  const inflated = await inflate(fromBase64url(link.slice(1)))
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(inflated)
  } catch {
    throw damaged()
  }
}

async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  try {
    // A character of text has at most three bytes.
    return await bytesOf(through(bytes, new DecompressionStream('deflate-raw')), 3 * MAX_TEXT_LENGTH)
  } catch (error) {
    throw error instanceof LinkError ? error : damaged()
  }
}

function through(bytes: Uint8Array<ArrayBuffer>, transform: CompressionStream): ReadableStream<Uint8Array> {
  return new Blob([bytes]).stream().pipeThrough(transform)
}

/** All that comes, but no more than `limit` bytes. */
async function bytesOf(stream: ReadableStream<Uint8Array>, limit = Infinity): Promise<Uint8Array> {
  const reader = stream.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    chunks.push(next.value)
    size += next.value.length
    if (size > limit) {
      await reader.cancel()
      throw new LinkError(`What is in this link has more than ${limit} bytes.`)
    }
  }
  const all = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    all.set(chunk, offset)
    offset += chunk.length
  }
  return all
}

function base64url(bytes: Uint8Array): string {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

function fromBase64url(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[\w-]*$/.test(text))
    throw new LinkError('There are characters in this link that do not belong there.')
  try {
    const bytes = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
    return Uint8Array.from(bytes, (character) => character.charCodeAt(0))
  } catch {
    throw damaged()
  }
}

function damaged(): LinkError {
  return new LinkError('This link is damaged: a part of it is missing, or was changed.')
}

function tooLong(length: number): LinkError {
  return new LinkError(`${length} characters are too many for a link. Save it as a file.`)
}
