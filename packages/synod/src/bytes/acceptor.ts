import type { Reader } from './reader.js'
import type { Writer } from './writer.js'

/** What the id of an acceptor takes. In text it has twice as many hexadecimal digits. */
export const ACCEPTOR_BYTES = 16

export function writeAcceptor(writer: Writer, acceptor: string): void {
  writer.raw(Buffer.from(acceptor, 'hex'))
}

/** Throws a MalformedError. */
export function readAcceptor(reader: Reader): string {
  return reader.raw(ACCEPTOR_BYTES).toString('hex')
}
