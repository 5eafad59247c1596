import { describe, expect, test } from 'vitest'
import { silentLogger } from '../../src/logger.js'
import type { Mode } from '../../src/paxos/config.js'
import { Clocks } from '../../src/replica/clocks.js'
import { Chance } from '../../../testing/src/chance.js'
import { ManualClock } from '../net/manual-clock.js'
import { World } from './world.js'

const MODES: readonly Mode[] = ['leader', 'leaderless']
const YEARS_MS = 10 * 365 * 86_400_000

/** A world whose first server has a wrong clock from the start. */
async function formed(mode: Mode, offMs: number, servers = 3): Promise<World> {
  const world = new World({ mode, servers })
  world.server(1).skewMs = offMs
  await world.openAll()
  await world.ready()
  return world
}

/** Each replica in turn takes a command, and in leader mode leads. */
async function executeOnEach(world: World, mode: Mode): Promise<void> {
  for (const id of world.running) {
    if (mode === 'leader') await world.settled(world.replica(id).transferLeadership({ to: id }))
    await world.settled(world.replica(id).execute(`by s${id}`))
  }
  await world.converged()
}

/** How far the stamp of the last command is from the right time. */
function lastErrorMs(world: World): number {
  const [id = 1] = world.running
  return (world.server(id).machine.notes.at(-1)?.timeMs ?? NaN) - world.clock.wallTime()
}

describe.each(MODES)('PITFALL 31: log time (%s mode)', (mode) => {
  test.each([YEARS_MS, -YEARS_MS])(
    'PITFALL 31: does not follow one clock that is off by %d ms, even while its server proposes',
    async (offMs) => {
      const world = await formed(mode, offMs)
      await executeOnEach(world, mode)
      for (const { timeMs } of world.server(2).machine.notes)
        expect(Math.abs(timeMs - world.clock.wallTime())).toBeLessThan(1000)
      const { time } = world.status(1)
      expect(time.isMedianKnown).toBe(true)
      expect(time.clockAheadMs / offMs).toBeCloseTo(1, 6)
      await world.wait(2000)
      const warnings = world.server(1).log.filter((line) => line.includes('the wall clock of this server is'))
      expect(warnings).toHaveLength(1)
      expect(warnings[0]).toContain(offMs > 0 ? 'ahead of' : 'behind')
      expect(world.server(2).log.join('\n')).not.toContain('wall clock')
      await world.wait(60_000)
      expect(world.server(1).log.filter((line) => line.includes('wall clock'))).toHaveLength(2)
    },
  )

  test('PITFALL 31: is continued by a server that restarts with a wrong clock', async () => {
    const world = await formed(mode, YEARS_MS)
    await executeOnEach(world, mode)
    for (const id of world.ids) world.crash(id)
    await world.openAll()
    const commands = world.ids.map((id) => world.replica(id).execute(`again s${id}`))
    await world.settled(Promise.all(commands))
    await world.converged()
    for (const { timeMs } of world.server(2).machine.notes)
      expect(Math.abs(timeMs - world.clock.wallTime())).toBeLessThan(1000)
  })

  test('PITFALL 31: jumps once by the length of an outage, which a state machine can notice', async () => {
    const world = await formed(mode, 0)
    await executeOnEach(world, mode)
    for (const id of world.ids) world.crash(id)
    await world.wait(3_600_000)
    await world.openAll()
    await world.ready()
    await executeOnEach(world, mode)
    expect(Math.abs(lastErrorMs(world))).toBeLessThan(100)
    const times = world.server(2).machine.notes.map(({ timeMs }) => timeMs)
    const steps = times.slice(1).map((timeMs, index) => timeMs - times[index]!)
    expect(steps.filter((stepMs) => stepMs > 1000)).toEqual([expect.closeTo(3_600_000, -4)])
    expect(Math.min(...steps)).toBeGreaterThanOrEqual(0)
  })

  test('is known before a new cluster proposes its first command, soon after the start', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const chance = new Chance(seed)
      const mostMs = chance.pick([0.5, 5, 20])
      const world = new World({
        mode,
        seed,
        options: { electionTimeoutMs: 200, heartbeatMs: 40 },
        network: { latencyMs: () => chance.between(0.1, mostMs) },
      })
      await world.openAll()
      await world.settled(Promise.all(world.ids.map((id) => world.replica(id).execute(`by s${id}`))))
      for (const { timeMs } of world.server(1).machine.notes)
        expect(Math.abs(timeMs - world.clock.wallTime()), `seed ${seed}`).toBeLessThan(1000)
      expect(world.clock.now(), `seed ${seed}`).toBeLessThan(1000)
    }
  })

  test('follows the monotonic clock while two voters disagree about the time, and both warn', async () => {
    const world = await formed(mode, 5000, 2)
    await executeOnEach(world, mode)
    world.server(1).skewMs = YEARS_MS
    await world.wait(10_000)
    await executeOnEach(world, mode)
    expect(Math.abs(lastErrorMs(world))).toBeLessThan(1000)
    for (const id of [1, 2]) {
      expect(world.status(id).time.isMedianKnown).toBe(false)
      expect(world.server(id).log.join('\n')).toContain('the wall clocks of the voters differ by')
    }
  })

  test('follows the clock of a lone voter as of its start, and no later jump', async () => {
    const world = await formed(mode, -5000, 1)
    await executeOnEach(world, mode)
    expect(Math.round(lastErrorMs(world) / 1000)).toBe(-5)
    world.server(1).skewMs = YEARS_MS
    await world.wait(1000)
    await world.settled(world.replica(1).execute('after the jump'))
    expect(Math.round(lastErrorMs(world) / 1000)).toBe(-5)
    expect(world.server(1).log.join('\n')).toContain('the wall clock of this server is')
  })
})

test('a clock report counts once, as the answer to the last question on the present connection', () => {
  const clock = new ManualClock()
  const rounds: number[] = []
  const clocks = new Clocks({
    self: 1,
    clock,
    randomId: () => 77,
    logger: silentLogger,
    voters: () => [1, 2, 3],
    executedMs: () => 5000,
    connected: () => [2],
    send: (_to, report) => rounds.push(report.round),
  })
  const answer = (round = 0) => {
    clocks.onReport(2, { type: 'clock', round, wallMs: clock.wallTime() })
    return clocks.status.isMedianKnown
  }
  clocks.onConnected(2)
  clocks.onConnected(2)
  expect(new Set(rounds).size).toBe(2)
  expect(answer(rounds[0])).toBe(false)
  expect(answer(rounds[1])).toBe(true)
  clocks.onConnected(2)
  expect(answer(rounds[1])).toBe(false)
  // Asked again, since no answer has come for 2 s.
  clock.advance(2000)
  expect(answer(rounds[2])).toBe(false)
  expect(answer(rounds[3])).toBe(true)
  clocks.stop()
})

test('a forwarded command has the stamp of the leader, and the clock of a learner does not count', async () => {
  const world = await formed('leader', YEARS_MS)
  await world.settled(world.replica(2).transferLeadership({ to: 2 }))
  world.add(4)
  world.server(4).skewMs = YEARS_MS
  // A learner: with its vote there would be two wrong clocks of four.
  await world.settled(world.replica(2).changeMembership({ add: 4, address: 's4:2380', learner: true }))
  await world.open(4)
  await world.wait(1000)
  await world.settled(world.replica(4).execute('from s4'))
  await world.settled(world.replica(1).execute('from s1'))
  await world.converged()
  for (const { timeMs } of world.server(2).machine.notes)
    expect(Math.abs(timeMs - world.clock.wallTime())).toBeLessThan(1000)
})
