import type { Codecs } from 'synod'
import type { Answer, Command, Query, Result } from '../operations/operations.js'
import { answerCodec } from './answer-codec.js'
import { commandCodec } from './command-codec.js'
import { queryCodec } from './query-codec.js'
import { resultCodec } from './result-codec.js'

/** How the values of a store travel, and stand in the log. */
export const storeCodecs: Codecs<Command, Result, Query, Answer> = {
  command: commandCodec,
  result: resultCodec,
  query: queryCodec,
  answer: answerCodec,
}
