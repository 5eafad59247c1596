import { describe, expect, it } from 'vitest'
import {
  FRAME_TIMEOUT_MS,
  MAX_UNFINISHED_BYTES,
  UnfinishedFrames,
} from '../../../src/net/transport/unfinished-frames.js'
import { ManualClock } from '../manual-clock.js'

function rig() {
  const clock = new ManualClock()
  const frames = new UnfinishedFrames(clock)
  const ended: string[] = []
  const open = (name: string) => frames.open(({ code }) => ended.push(`${name}: ${code}`))
  return { clock, ended, frames, open }
}

describe('unfinished frames', () => {
  it('count until they are finished', () => {
    const { frames, open } = rig()
    const [a, b] = [open('a'), open('b')]
    frames.hold(a, 100, true)
    frames.hold(b, 50, true)
    frames.hold(a, 200, false)
    expect(frames.bytes).toBe(250)
    frames.hold(a, 0, true)
    expect(frames.bytes).toBe(50)
    frames.release(b)
    frames.release(b)
    expect(frames.bytes).toBe(0)
  })

  it('end their connection if the rest does not come in time, each by its own deadline', () => {
    const { clock, ended, frames, open } = rig()
    const [a, b, c] = [open('a'), open('b'), open('c')]
    frames.hold(a, 100, true)
    clock.advance(4000)
    frames.hold(b, 100, true)
    frames.hold(c, 100, true)
    frames.hold(a, 150, false)
    clock.advance(2000)
    frames.hold(c, 0, true)
    clock.advance(FRAME_TIMEOUT_MS - 6000 - 1)
    expect(ended).toEqual([])
    clock.advance(1)
    expect(ended).toEqual(['a: wrong-protocol'])
    clock.advance(FRAME_TIMEOUT_MS)
    expect(ended).toEqual(['a: wrong-protocol', 'b: wrong-protocol'])
    expect(frames.bytes).toBe(0)
  })

  it('have a new deadline for each frame', () => {
    const { clock, ended, frames, open } = rig()
    const a = open('a')
    for (let count = 0; count < 5; count++) {
      frames.hold(a, 100, true)
      clock.advance(FRAME_TIMEOUT_MS - 1)
    }
    expect(ended).toEqual([])
    frames.hold(a, 100, false)
    clock.advance(1)
    expect(ended).toEqual(['a: wrong-protocol'])
  })

  it('have a limit, above which the oldest one is dropped with its connection', () => {
    const { ended, frames, open } = rig()
    const third = MAX_UNFINISHED_BYTES / 4
    const [a, b, c] = [open('a'), open('b'), open('c')]
    for (const frame of [a, b, c]) frames.hold(frame, third, true)
    frames.hold(b, 2 * third, false)
    expect(ended).toEqual([])
    frames.hold(b, 2 * third + 1, false)
    expect(ended).toEqual(['a: overloaded'])
    expect(frames.bytes).toBe(3 * third + 1)
  })
})
