import type { Codecs } from 'synod'
import { answerCodec } from './answer-codec.js'
import { commandCodec } from './command-codec.js'
import type { KvAnswer, KvCommand, KvQuery, KvResult } from './operations.js'
import { queryCodec } from './query-codec.js'
import { resultCodec } from './result-codec.js'

/**
 * How the store's operations travel. What is encoded here is in the log for good, so a tag is never
 * given to another operation.
 */
export const kvCodecs: Codecs<KvCommand, KvResult, KvQuery, KvAnswer> = {
  command: commandCodec,
  result: resultCodec,
  query: queryCodec,
  answer: answerCodec,
}
