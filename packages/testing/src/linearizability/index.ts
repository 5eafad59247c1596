export { type CheckOptions, NotLinearizableError, assertLinearizable, checkLinearizable } from './check.js'
export { type Invocation, type Operation, History } from './history.js'
export type { Model } from './model.js'
export { type CounterInput, counterModel } from './models/counter.js'
export { type KeyValue, type KeyValueInput, type KeyValueOutput, keyValueModel } from './models/key-value.js'
export { type QueueInput, type QueueOutput, type QueueValue, queueModel } from './models/queue.js'
export {
  type RegisterInput,
  type RegisterOutput,
  type RegisterValue,
  registerModel,
} from './models/register.js'
export type { CheckResult, Linearizable, NotLinearizable, Undecided } from './result.js'
