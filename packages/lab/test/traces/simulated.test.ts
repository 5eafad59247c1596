import { drawPlan, runPlan, storeWorkload } from 'synod-testing'
import { beforeAll, describe, expect, it } from 'vitest'
import { chosenValues } from '../../src/picture/chosen-values.js'
import { causesOf } from '../../src/picture/causes.js'
import { logsOf } from '../../src/picture/logs.js'
import type { Picture } from '../../src/picture/picture.js'
import { type OpenedTrace, openTrace } from '../../src/traces/open-trace.js'

/** What of a line the tests look at. */
interface Line {
  readonly event: string
  readonly plan?: { readonly latencyMs: readonly [number, number] }
  readonly fault?: { readonly kind: string }
  readonly slot?: number
  readonly tag?: number
}

/** A run of a moment, with faults of many kinds, and its trace. */
async function traceOf(
  seed: number,
  mode: 'leader' | 'leaderless',
  workload = storeWorkload,
): Promise<string[]> {
  const lines: string[] = []
  const plan = drawPlan(seed, { mode, servers: 3 })
  const short = { ...plan, durationMs: Math.min(plan.durationMs, 1500) }
  await runPlan(short, workload, (line) => lines.push(line))
  return lines
}

const open = (lines: readonly string[]) => openTrace([{ name: 'a.ndjson', text: `${lines.join('\n')}\n` }])

/** On one of its servers several are at work. */
const CROWDED = Array.from({ length: 100 }, (_, seed) => seed).find(
  (seed) => drawPlan(seed).crowd !== undefined,
)!

/** What belongs to a seed of the tests: it stands in the name of each test that fails. */
const runs = [4, 5, 17, CROWDED].flatMap((seed) =>
  (['leader', 'leaderless'] as const).map((mode) => [mode, seed] as const),
)

describe.each(runs)('the trace of a simulation in %s mode with seed %i', (mode, seed) => {
  let lines: readonly Line[]
  let opened: OpenedTrace
  let picture: Picture
  const count = (event: string) => lines.filter((line) => line.event === event).length
  const countIn = (kind: string) => picture.events.filter((event) => event.kind === kind).length

  beforeAll(async () => {
    const text = await traceOf(seed, mode)
    lines = text.map((line) => JSON.parse(line))
    opened = open(text)
    ;({ picture } = opened)
  })

  it('becomes a picture that contains every event', () => {
    expect(opened).toMatchObject({
      source: 'simulation',
      beginMs: 0,
      problems: [],
      broken: 0,
      passedOver: 0,
    })
    expect(picture.mode).toBe(mode)
    expect(picture.configurations[0].voters).toEqual([1, 2, 3])
    expect(picture.actors.slice(0, 2)).toEqual(['c1', picture.actors.includes('c2') ? 'c2' : 's1'])
    expect(picture.messages).toHaveLength(count('message'))
    expect(countIn('receive')).toBe(count('message'))
    expect(countIn('durable')).toBe(count('durable'))
    expect(countIn('execute')).toBe(count('execute'))
    expect(countIn('crash')).toBe(count('stop'))
    expect(countIn('resume')).toBeLessThanOrEqual(countIn('pause'))
    const calls = picture.events.filter(
      ({ kind, ...rest }) => kind === 'note' && 'text' in rest && /^(asks|its call)/.test(rest.text),
    )
    expect(calls).toHaveLength(count('invoke') + count('return'))
  })

  it('is ordered by time, and all events of a step have one time', () => {
    for (const [index, event] of picture.events.entries()) {
      const before = picture.events[index - 1]
      if (before === undefined) continue
      expect(event.atMs).toBeGreaterThanOrEqual(before.atMs)
      expect(event.step - before.step).toBeOneOf([0, 1])
      if (event.step === before.step) expect(event.atMs).toBe(before.atMs)
    }
  })

  it('sends each message once, from a server that is up, at least the shortest latency before it arrives', () => {
    const [shortestMs] = lines[0]!.plan!.latencyMs
    const absent = new Set<string>()
    const sentMs = new Map<number, number>()
    for (const event of picture.events) {
      if (event.kind === 'crash' || event.kind === 'pause') absent.add(event.actor)
      if (event.kind === 'restart' || event.kind === 'resume') absent.delete(event.actor)
      if (event.kind === 'send') {
        expect(absent).not.toContain(event.actor)
        expect(sentMs.has(event.message)).toBe(false)
        expect(event.actor).toBe(picture.messages[event.message]!.from)
        sentMs.set(event.message, event.atMs)
      }
      if (event.kind !== 'receive') continue
      expect(event.actor).toBe(picture.messages[event.message]!.to)
      expect(event.atMs - sentMs.get(event.message)!).toBeGreaterThanOrEqual(shortestMs - 1e-6)
    }
    expect(sentMs.size).toBe(picture.messages.length)
  })

  it('makes each vote durable before the accepted that reports it', () => {
    const { precedes } = causesOf(picture)
    const votes = new Map<string, number>()
    let told = 0
    for (const [index, event] of picture.events.entries()) {
      if (event.kind === 'durable')
        for (const record of event.records) {
          if (record.type !== 'vote') continue
          for (const [offset] of record.values.entries())
            votes.set(
              `${event.actor} ${record.ballot.seq} ${record.ballot.server} ${record.first + offset}`,
              index,
            )
        }
      const message = event.kind === 'receive' ? picture.messages[event.message] : undefined
      if (message?.type !== 'accepted') continue
      const { ballot, from, slots } = message
      const vote = votes.get(`${from} ${ballot!.seq} ${ballot!.server} ${slots![1]}`)!
      expect(precedes(vote, index)).toBe(true)
      told++
    }
    expect(told).toBeGreaterThan(0)
  })

  it('executes only values that a quorum of votes has chosen before', () => {
    // Where the membership changes, the quorums of the plan are not those of all slots.
    if (lines.some(({ fault }) => fault?.kind === 'join' || fault?.kind === 'removal')) return
    const choices = chosenValues(picture)
    const choiceIn = new Map(choices.map((choice) => [choice.slot, choice]))
    expect(choiceIn.size, 'one value in each slot').toBe(choices.length)
    const executions = lines.filter(({ event }) => event === 'execute')
    const tagsOf = (slot: number) =>
      executions.filter((line) => line.slot === slot).map(({ tag }) => `#${tag!}`)
    const logs = logsOf(picture)
    let executed = 0
    for (const [index, event] of picture.events.entries()) {
      if (event.kind !== 'execute') continue
      const choice = choiceIn.get(event.first)!
      expect(choice.event).toBeLessThan(index)
      expect(choice.value.split(' ')).toEqual(expect.arrayContaining(tagsOf(event.first)))
      const log = logs.at(event.actor, event.first, index)
      expect(log.state).toBeOneOf(['executed', 'trimmed'])
      executed++
    }
    expect(executed).toBe(executions.length)
    expect(executed).toBeGreaterThan(0)
  })
})

describe('the picture of a simulation', () => {
  it('shows the violation at the server that it names', async () => {
    const workload = {
      ...storeWorkload,
      check: () => {
        throw new Error('s2 has seen the future')
      },
    }
    const { picture } = open(await traceOf(4, 'leader', workload))
    expect(picture.events.at(-1)).toMatchObject({
      kind: 'violation',
      actor: 's2',
      text: expect.stringMatching(/^not-linearizable: .*s2 has seen the future/s),
    })
  })

  it('shows roles in leader mode: a server is a candidate before it leads', async () => {
    const { picture } = open(await traceOf(3, 'leader'))
    const roles = picture.events.filter(({ kind }) => kind === 'role')
    const leader = roles.findIndex((event) => event.kind === 'role' && event.role === 'leader')
    expect(leader).toBeGreaterThan(0)
    expect(roles.slice(0, leader)).toContainEqual(
      expect.objectContaining({ role: 'candidate', actor: roles[leader]!.actor }),
    )
    expect(open(await traceOf(3, 'leaderless')).picture.events.some(({ kind }) => kind === 'role')).toBe(
      false,
    )
  })
})
