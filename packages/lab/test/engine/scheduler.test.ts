import { runScript } from 'synod-testing/script'
import { describe, expect, test } from 'vitest'
import { DEFAULT_PACE, type RunSpeed, nextCommand } from '../../src/engine/scheduler.js'
import { LabSession } from '../../src/engine/lab-session.js'

function play(...lines: string[]): LabSession {
  const session = new LabSession()
  for (const line of lines) session.perform(line)
  return session
}

/** Runs by itself until this time of the cluster. */
function runUntil(session: LabSession, endMs: number, pace?: RunSpeed): void {
  while (session.stage!.cluster.nowMs < endMs) session.perform(nextCommand(session, pace)!)
}

describe('a cluster that runs by itself', () => {
  test('elects a leader, and keeps it by heartbeats', () => {
    const session = play('cluster 3 leader')
    runUntil(session, 3000)
    const { cluster } = session.stage!
    const leader = cluster.leader()!
    expect(leader).toBeDefined()
    const { ballot } = cluster.paxos(leader)
    runUntil(session, 6000)
    expect(cluster.leader()).toBe(leader)
    expect(cluster.paxos(leader).ballot).toEqual(ballot)
  })

  test.each(['leader', 'leaderless'])('in %s mode chooses what clients ask for', (mode) => {
    const session = play(`cluster 3 ${mode}`)
    runUntil(session, 2000)
    for (const value of ['a', 'b', 'c']) {
      session.perform(`request c1> ${value}`)
      runUntil(session, session.stage!.cluster.nowMs + 100)
    }
    expect(
      session
        .perform('log')
        .filter((line) => line.includes('chosen'))
        .map((line) => line.split(/ +/)[1]),
    ).toEqual(expect.arrayContaining(['a', 'b', 'c']))
  })

  test('repeats the same run, also after a pause and as a script', () => {
    const session = play('cluster 3 leader')
    runUntil(session, 1500)
    const { lines, picture } = session
    for (const place of [lines.length - 1, Math.floor(lines.length / 2)]) {
      session.seek(place)
      while (session.position < lines.length) session.perform(nextCommand(session)!)
      expect(session.lines).toEqual(lines)
    }
    expect(session.picture).toEqual(picture)
    const text = session.script()
    expect(runScript(text, 'x')).toBe(text)
    expect(lines.every((line) => /^(cluster|pass|deliver .* #\d+|tick)/.test(line))).toBe(true)
    const other = play('cluster 3 leader')
    runUntil(other, 1500, { ...DEFAULT_PACE, seed: 2 })
    expect(other.lines).not.toEqual(lines)
  })

  test('gives each message its own latency', () => {
    const session = play('cluster 3 leader')
    runUntil(session, 3000)
    const { events } = session.picture!
    const sentMs = new Map<number, number>()
    for (const event of events) {
      if (event.kind === 'send') sentMs.set(event.message, event.atMs)
      if (event.kind !== 'receive') continue
      const latencyMs = event.atMs - sentMs.get(event.message)!
      expect(latencyMs).toBeGreaterThanOrEqual(0.999)
      expect(latencyMs).toBeLessThanOrEqual(3.002)
    }
  })

  test('sends nothing to paused or crashed servers, and does not sync stuck disks', () => {
    const story = ['cluster 3 leader', 'elect s1', 'disk s2 stuck', 'propose s1 a', 'pause s3']
    const session = play(...story)
    runUntil(session, session.stage!.cluster.nowMs + 40)
    expect(session.lines.slice(story.length).some((line) => /^tick s3|>s3|sync/.test(line))).toBe(false)
    expect(session.stage!.cluster.paxos(1).chosen).toBe(0)
    session.seek(story.length)
    runUntil(session, session.stage!.cluster.nowMs + 40, { ...DEFAULT_PACE, syncMs: 5 })
    expect(session.lines).toContain('sync s2')
    expect(session.stage!.cluster.paxos(1).chosen).toBe(1)
  })

  test('does not wait for a disk that has nothing to write', () => {
    expect(nextCommand(play('cluster 1 leader', 'tick s1'), { ...DEFAULT_PACE, syncMs: 5 })).toBe('tick s1')
  })

  test('does nothing without servers', () => {
    expect(nextCommand(new LabSession())).toBeUndefined()
    expect(nextCommand(play('cluster 1 leader', 'crash s1'))).toBeUndefined()
  })
})
