import { MalformedError, type Reader } from './reader.js'

/** The address of a server, `host:port`, has at most this many bytes. */
export const MAX_ADDRESS_BYTES = 262

export function readAddress(reader: Reader): string {
  const bytes = reader.bytes()
  if (bytes.length > MAX_ADDRESS_BYTES) throw new MalformedError(`an address of ${bytes.length} bytes`)
  return bytes.toString('utf8')
}
