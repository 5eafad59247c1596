import type { CallOptions, Replicated } from 'synod'
import type { Answer, Command, Query, Result } from '../operations/operations.js'
import type { Store } from '../store.js'
import { StoreError, refusal } from './errors.js'

/** Calls of a client: refusals are thrown, and a result has the type that belongs to its call. */
export class Calls {
  readonly state: Replicated<Store>

  constructor(state: Replicated<Store>) {
    this.state = state
  }

  async execute<Type extends Command['type']>(
    command: Command & { readonly type: Type },
    options?: CallOptions,
  ): Promise<Extract<Result, { type: Type }>> {
    return expected(command.type, await this.state.execute<Command>(command, options)) as Extract<
      Result,
      { type: Type }
    >
  }

  async read<Type extends Query['type']>(
    query: Query & { readonly type: Type },
    { stale = false, ...options }: CallOptions & { readonly stale?: boolean } = {},
  ): Promise<Extract<Answer, { type: Type }>> {
    const answer = stale
      ? (await this.state.readStale<Query>(query, { ...options, atLeast: this.state.seen })).answer
      : await this.state.read<Query>(query, options)
    return expected(query.type, answer) as Extract<Answer, { type: Type }>
  }
}

function expected<Found extends Result | Answer>(type: string, found: Found): Found {
  if (found.type === 'refused') throw refusal(found.reason)
  if (found.type === type) return found
  throw new StoreError(
    'wrong-machine',
    `the replicas run no store: the answer to a ${type} is a ${found.type}`,
  )
}
