import { codecsOf } from 'synod/internal/machine/contract.js'
import type { AnyMachine, CommandOf, ResultOf, QueryOf, AnswerOf } from 'synod/internal/machine/machine.js'
import type { Operation } from '../../linearizability/history.js'
import type { Codec } from 'synod/internal/machine/codec.js'
import { type Executions, describePosition, sameResult, showResult } from './executions.js'
import { MachineReplay } from './machine-replay.js'
import { Violation } from './violation.js'
import { valueText } from '../trace/words.js'
import type { ClientOperation, Workload } from '../workload.js'

/**
 * Checks that clients saw what a single copy of the state machine would have shown. The log gives
 * the order, so no search is needed: each operation has its place there, and must not return before
 * the call of an earlier one. A stale query must match the slot that it names. Throws a Violation.
 */
export function checkHistory<M extends AnyMachine>(
  operations: readonly ClientOperation<M>[],
  executions: Executions,
  workload: Workload<M>,
): void {
  const order = new Map(executions.all.map(({ tag }, index) => [tag, index + 1]))
  const machine = workload.machine()
  const codecs = codecsOf(machine)
  checkOrigin(operations, executions, codecs.command)
  const queryOf = (query: QueryOf<M>) => Buffer.from(codecs.query.encode(query)).toString('latin1')
  const queries = operations.flatMap(({ request }) => (request.type === 'command' ? [] : [request.query]))
  const replay = new MachineReplay(
    machine,
    executions,
    new Map(queries.map((query) => [queryOf(query), codecs.query.encode(query)])),
  )

  const calls = [...operations].sort((a, b) => a.invoked - b.invoked)
  const returns = operations.filter(({ returned }) => returned !== undefined)
  returns.sort((a, b) => positionOf(a) - positionOf(b))
  const places = new Map<ClientOperation<M>, number>()
  let next = 0
  let latest: ClientOperation<M> | undefined
  let place = 0
  /**
   * By client, the latest place of what it had done, and been answered: each does one thing after
   * the other.
   */
  const own = new Map<string, number>()
  for (const operation of calls) {
    for (let end = returns[next]; end && positionOf(end) < operation.invoked; end = returns[++next]) {
      const its = places.get(end) ?? 0
      if (its > place) [place, latest] = [its, end]
    }
    const { client, request, returned } = operation
    if (request.type === 'command') {
      const at = order.get(request.tag)
      if (at === undefined) {
        if (returned === undefined) continue
        throw new Violation('not-linearizable', `${describe(operation)}, but no replica has executed it`)
      }
      if (operation.isRefused === true)
        throw new Violation(
          'not-linearizable',
          `${describe(operation)}, and was told that it was not executed`,
        )
      const { result } = executions.all[at - 1] ?? { result: '' }
      if (returned !== undefined && !sameResult(returned.output, result))
        throw new Violation(
          'not-linearizable',
          `${describe(operation)}, but it had come to ${showResult(result)}`,
        )
      // A query is after the command of its place.
      if (at <= place && latest !== undefined) {
        const what = `${describe(operation)}, and took effect before what had returned earlier: ${describe(latest)}`
        throw new Violation('not-linearizable', what)
      }
      places.set(operation, at)
    } else if (returned === undefined) {
      continue
    } else if (request.type === 'stale-query') {
      const { slot = 0 } = returned
      const from = executions.upTo(slot)
      const answer = replay.answerAt(queryOf(request.query), from)
      if (returned.place !== undefined && returned.place !== from) {
        const what = `${describe(operation)} from slot ${slot}, after ${returned.place} commands, where there are ${from} up to there`
        throw new Violation('wrong-slot', what)
      }
      if (slot < request.atLeast || answer === undefined || !sameResult(answer, returned.output)) {
        const then = answer === undefined ? 'none' : showResult(answer)
        const what = `${describe(operation)} from slot ${slot}, where the answer is ${then}`
        throw new Violation('wrong-slot', what)
      }
      if (request.atLeast > 0 && from < (own.get(client) ?? 0)) {
        throw new Violation(
          'wrong-slot',
          `${describe(operation)} from before what that client had seen itself`,
        )
      }
    } else {
      const query = queryOf(request.query)
      const at = returned.place ?? replay.placeOf(query, returned.output, place)
      const after = latest === undefined ? '' : ` after ${describe(latest)}`
      if (at === undefined)
        throw new Violation('not-linearizable', `${describe(operation)}: no state${after} has that answer`)
      if (at < place) {
        const what = `${describe(operation)} of the state after ${at} commands, and must see ${place}:${after}`
        throw new Violation('not-linearizable', what)
      }
      const answer = replay.answerAt(query, at)
      if (answer === undefined || !sameResult(answer, returned.output)) {
        const then = answer === undefined ? 'none' : showResult(answer)
        const what = `${describe(operation)} of the state after ${at} commands, where the answer is ${then}`
        throw new Violation('not-linearizable', what)
      }
      places.set(operation, at)
    }
    // What the state machine refused has changed nothing, and no slot came with that.
    if (returned === undefined || typeof returned.output === 'string') continue
    own.set(client, Math.max(own.get(client) ?? 0, places.get(operation) ?? 0))
  }
  checkByModel(
    operations.filter(
      ({ request, returned }) =>
        request.type !== 'command' || returned !== undefined || order.has(request.tag),
    ),
    workload,
  )
}

/** What was executed is what clients asked for, to the byte. */
function checkOrigin<M extends AnyMachine>(
  operations: readonly ClientOperation<M>[],
  executions: Executions,
  codec: Codec<CommandOf<M>>,
): void {
  const asked = new Map<number, CommandOf<M>>()
  for (const { request } of operations) {
    if (request.type === 'command') asked.set(request.tag, request.command)
  }
  for (const { command, encoded, position, tag } of executions.all) {
    const its: unknown = asked.get(tag)
    if (asked.has(tag) && sameResult(codec.encode(its as CommandOf<M>), encoded)) continue
    const what = asked.has(tag) ? valueText(its) : 'nothing'
    throw new Violation(
      'not-linearizable',
      `${valueText(command)} was executed in ${describePosition(position)} where a client had asked for ${what}`,
    )
  }
}

/**
 * The history as a model sees it: without the log, by calls and returns alone. What has no answer
 * and was never executed is left out, as it had no effect; whether it had would take the longest to
 * search.
 */
function checkByModel<M extends AnyMachine>(
  operations: readonly ClientOperation<M>[],
  workload: Workload<M>,
): void {
  if (workload.check === undefined) return
  const { answer, result } = codecsOf(workload.machine())
  const history = operations.flatMap(
    ({
      client,
      invoked,
      request,
      returned,
    }): Operation<CommandOf<M> | QueryOf<M>, ResultOf<M> | AnswerOf<M>>[] => {
      const input = request.type === 'command' ? request.command : request.query
      if (request.type === 'stale-query') return []
      if (returned === undefined) return request.type === 'query' ? [] : [{ client, input, invoked }]
      const { output, position } = returned
      if (typeof output === 'string') return []
      const decoded = request.type === 'command' ? result.decode(output) : answer.decode(output)
      return [{ client, input, invoked, returned: position, output: decoded }]
    },
  )
  try {
    workload.check(history)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new Violation('not-linearizable', message, { cause: error })
  }
}

function positionOf<M extends AnyMachine>({ returned }: ClientOperation<M>): number {
  return returned?.position ?? Infinity
}

function describe<M extends AnyMachine>({ client, request, returned }: ClientOperation<M>): string {
  const asked = valueText(request.type === 'command' ? request.command : request.query)
  return `${client}'s ${request.type} ${asked} got ${returned === undefined ? 'no answer' : showResult(returned.output)}`
}
