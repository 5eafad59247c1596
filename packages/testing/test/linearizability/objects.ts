import type { Chance } from '../../src/chance.js'
import type { Model } from '../../src/linearizability/model.js'
import { type CounterInput, counterModel } from '../../src/linearizability/models/counter.js'
import {
  type KeyValue,
  type KeyValueInput,
  type KeyValueOutput,
  keyValueModel,
} from '../../src/linearizability/models/key-value.js'
import {
  type QueueInput,
  type QueueOutput,
  type QueueValue,
  queueModel,
} from '../../src/linearizability/models/queue.js'
import {
  type RegisterInput,
  type RegisterOutput,
  type RegisterValue,
  registerModel,
} from '../../src/linearizability/models/register.js'

/** The thing itself, beside the model of it. */
export interface TestObject<State, Input, Output> {
  readonly model: Model<State, Input, Output>
  /** Does an operation: the next state and the answer. */
  readonly apply: (state: State, input: Input) => readonly [State, Output]
  /**
   * Draws the operation with a number, which is the value that it writes unless `values` says that
   * there are fewer.
   */
  readonly draw: (chance: Chance, number: number, values: number) => Input
}

function valueOf(chance: Chance, number: number, values: number): number {
  return values === Infinity ? number : chance.below(values)
}

/** What may well be there now: a value that was written lately, or one of a few. */
function recent(chance: Chance, number: number, values: number): number {
  return values === Infinity ? Math.max(0, number - chance.below(30)) : chance.below(values)
}

export const register: TestObject<RegisterValue, RegisterInput, RegisterOutput> = {
  model: registerModel(),
  apply(state, input) {
    switch (input.type) {
      case 'read':
        return [state, state]
      case 'write':
        return [input.value, true]
      case 'cas':
        return state === input.from ? [input.to, true] : [state, false]
    }
  },
  draw(chance, number, values) {
    const type = chance.pick(['read', 'read', 'read', 'write', 'write', 'cas'] as const)
    const value = valueOf(chance, number, values)
    if (type === 'read') return { type }
    return type === 'write' ? { type, value } : { type, from: recent(chance, number, values), to: value }
  },
}

export const keyValue: TestObject<KeyValue, KeyValueInput, KeyValueOutput> = {
  model: keyValueModel(),
  apply(state, input) {
    switch (input.type) {
      case 'get':
        return [state, state]
      case 'put':
        return [input.value, state !== null]
      case 'delete':
        return [null, state !== null]
      case 'cas':
        return state === input.from ? [input.to, true] : [state, false]
    }
  },
  draw(chance, number, values) {
    const type = chance.pick(['get', 'get', 'get', 'put', 'put', 'delete', 'cas'] as const)
    const key = 'k'
    const value = valueOf(chance, number, values)
    if (type === 'get' || type === 'delete') return { type, key }
    if (type === 'put') return { type, key, value }
    return { type, key, from: chance.happens(0.3) ? null : recent(chance, number, values), to: value }
  },
}

export const counter: TestObject<number, CounterInput, number> = {
  model: counterModel(),
  apply(state, input) {
    const total = input.type === 'add' ? state + input.amount : state
    return [total, total]
  },
  draw: (chance) => (chance.happens(0.5) ? { type: 'read' } : { type: 'add', amount: 1 + chance.below(3) }),
}

export const queue: TestObject<readonly QueueValue[], QueueInput, QueueOutput> = {
  model: queueModel(),
  apply(state, input) {
    if (input.type === 'enqueue') return [[...state, input.value], true]
    return [state.slice(1), state[0] ?? null]
  },
  draw: (chance, number, values) =>
    chance.happens(0.5) ? { type: 'dequeue' } : { type: 'enqueue', value: valueOf(chance, number, values) },
}
