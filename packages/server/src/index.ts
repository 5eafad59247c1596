export { KvClient, type KvConnectOptions, type RangeOptions, type ReadOptions } from './kv/client.js'
export { kvCodecs } from './kv/codecs.js'
export {
  DEFAULT_RANGE_LIMIT,
  MAX_INTEGER_DIGITS,
  MAX_KEY_BYTES,
  MAX_RANGE_BYTES,
  MAX_RANGE_LIMIT,
} from './kv/limits.js'
export { KvMachine } from './kv/machine.js'
export type { IncrementRefusal, KvAnswer, KvCommand, KvPair, KvQuery, KvResult } from './kv/operations.js'
