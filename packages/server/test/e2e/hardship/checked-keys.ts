import { SynodError } from 'synod'
import type { KvClient } from 'synod-server'
import {
  type Chance,
  History,
  type KeyValue,
  type KeyValueInput,
  type KeyValueOutput,
  assertLinearizable,
  keyValueModel,
} from 'synod-testing'

/**
 * Few, so that clients get in each other's way; and each is given up in time, so that its history
 * can be decided.
 */
const KEYS_AT_ONCE = 4
const OPERATIONS_OF_AN_AGE = 600

/** The error of a client that has waited for long enough: the outcome is unknown. */
const DOUBTS = ['outcome-unknown', 'no-quorum', 'unreachable']

interface Age {
  readonly number: number
  readonly history: History<KeyValueInput, KeyValueOutput>
  asked: number
  /** Operations that were asked for, and may be answered yet. */
  open: number
}

/**
 * Keys that clients read and write at random, with everything that they ask for and are told. After
 * some hundred operations come new keys; when all is answered that was asked of the old ones, their
 * histories are checked, and forgotten.
 */
export class CheckedKeys {
  readonly #chance: Chance
  /** What was last seen of each key, for a `cas` that has a chance. */
  readonly #seen = new Map<string, KeyValue>()
  #age: Age = newAge(1)
  #values = 0
  #checked = 0
  #doubtful = 0

  constructor(chance: Chance) {
    this.#chance = chance
  }

  /** Operations whose histories were found linearizable. */
  get checked(): number {
    return this.#checked
  }

  /** How many requests have an unknown outcome. */
  get doubtful(): number {
    return this.#doubtful
  }

  /**
   * Has a client do something. Rejects if it is told what cannot be, or if what was seen so far is
   * not linearizable.
   */
  async operate(name: string, client: KvClient): Promise<void> {
    const age = this.#age
    const input = this.#draw(age)
    const invocation = age.history.invoke(name, input)
    age.open++
    if (++age.asked >= OPERATIONS_OF_AN_AGE) this.#age = newAge(age.number + 1)
    try {
      const output = await carryOut(client, input)
      invocation.returned(output)
      this.#note(input, output)
    } catch (error) {
      if (!(error instanceof SynodError) || !DOUBTS.includes(error.code)) throw error
      invocation.unknown()
      this.#doubtful++
    } finally {
      age.open--
    }
    if (age.open === 0 && age !== this.#age) this.#check(age)
  }

  /** Checks what has not been checked yet; nothing may be under way. */
  finish(): void {
    this.#check(this.#age)
    this.#age = newAge(this.#age.number + 1)
  }

  #check({ history, number }: Age): void {
    const operations = history.operations()
    assertLinearizable(keyValueModel(), operations)
    this.#checked += operations.length
    for (let key = 0; key < KEYS_AT_ONCE; key++) this.#seen.delete(nameOf(number, key))
  }

  #draw({ number }: Age): KeyValueInput {
    const key = nameOf(number, this.#chance.below(KEYS_AT_ONCE))
    const value = `v${++this.#values}`
    const kind = this.#chance.next()
    if (kind < 0.45) return { type: 'get', key }
    if (kind < 0.75) return { type: 'put', key, value }
    if (kind < 0.85) return { type: 'delete', key }
    return { type: 'cas', key, from: this.#seen.get(key) ?? null, to: value }
  }

  #note(input: KeyValueInput, output: KeyValueOutput): void {
    const { key, type } = input
    if (type === 'get') this.#seen.set(key, output as KeyValue)
    else if (type === 'put') this.#seen.set(key, input.value)
    else if (type === 'delete') this.#seen.set(key, null)
    else if (output === true) this.#seen.set(key, input.to)
  }
}

function newAge(number: number): Age {
  return { number, history: new History(), asked: 0, open: 0 }
}

function nameOf(age: number, key: number): string {
  return `checked-${age}-${key}`
}

async function carryOut(client: KvClient, input: KeyValueInput): Promise<KeyValueOutput> {
  const { key } = input
  switch (input.type) {
    case 'get': {
      const value = await client.get(key)
      return value === null ? null : Buffer.from(value).toString()
    }
    case 'put':
      return client.put(key, String(input.value))
    case 'delete':
      return client.delete(key)
    case 'cas':
      return (await client.cas(key, input.from === null ? null : String(input.from), String(input.to)))
        .swapped
  }
}
