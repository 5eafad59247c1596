import type { Reader } from '../bytes/reader.js'
import type { Writer } from '../bytes/writer.js'
import type { ErrorCode } from '../errors.js'
import { namesByTag, readTag, type Tags } from './transport/message-codec.js'

const ERROR_TAGS: Tags<ErrorCode> = {
  'outcome-unknown': 1,
  'no-quorum': 2,
  'too-large': 3,
  overloaded: 4,
  closed: 5,
  aborted: 6,
  'command-failed': 7,
  'session-expired': 8,
  'wrong-cluster': 9,
  'wrong-mode': 10,
  'wrong-acceptor': 11,
  'wrong-protocol': 12,
  unreachable: 13,
  'directory-in-use': 14,
  'journal-damaged': 15,
  'journal-failed': 16,
  'invariant-violated': 17,
  'invalid-options': 18,
  'too-stale': 19,
  'restore-failed': 20,
  'transfer-failed': 21,
  diverged: 22,
  'change-refused': 23,
  removed: 24,
  'invalid-machine': 25,
  'cluster-running': 26,
  'snapshot-failed': 27,
  'wrong-version': 28,
  'not-known-by-all': 29,
  'disk-full': 30,
  'applied-gap': 31,
}

const CODES = namesByTag(ERROR_TAGS)

export function writeErrorCode(writer: Writer, code: ErrorCode): void {
  writer.u8(ERROR_TAGS[code])
}

export function readErrorCode(reader: Reader): ErrorCode {
  return readTag(reader, CODES)
}
