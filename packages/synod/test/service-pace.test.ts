import { describe, expect, test } from 'vitest'
import { MAX_RETRY_MS, MIN_RETRY_MS, ServicePace, overloaded } from '../src/service-pace.js'

/** A pace at which `perMs` are done in every millisecond, up to a time. */
function steady(perMs: number, untilMs: number): ServicePace {
  const pace = new ServicePace()
  pace.begin(0)
  for (let nowMs = 0; nowMs < untilMs; nowMs++) pace.done(perMs, 1, nowMs)
  return pace
}

describe('the delay before a retry', () => {
  test('is the time in which half of the waiting work is done, at the recent pace', () => {
    expect(steady(10, 3500).retryAfterMs(10_000, 3500)).toBe(500)
    expect(steady(1, 3500).retryAfterMs(1000, 3500)).toBe(500)
    expect(steady(1, 3500).retryAfterMs(300, 3500)).toBe(150)
  })

  test('follows a change of the pace within two seconds', () => {
    const pace = steady(10, 10_000)
    for (let nowMs = 10_000; nowMs < 12_000; nowMs++) pace.done(1, 1, nowMs)
    expect(pace.retryAfterMs(1000, 12_000)).toBe(500)
  })

  test('is a default while the pace is unknown', () => {
    const pace = new ServicePace()
    expect(pace.retryAfterMs(1, 60_000)).toBe(1000)
    pace.begin(60_000)
    expect(pace.retryAfterMs(100, 60_100)).toBe(1000)
    pace.done(10, 90, 60_200)
    expect(pace.retryAfterMs(90, 60_200)).toBe(900)
  })

  test('is the last known one after a long time without work', () => {
    const pace = steady(10, 3500)
    pace.done(0, 0, 3500)
    pace.begin(60_000)
    expect(pace.retryAfterMs(10_000, 60_000)).toBe(500)
  })

  test('has a maximum, which applies when no work is done', () => {
    const never = new ServicePace()
    never.begin(0)
    expect(never.retryAfterMs(1, 2000)).toBe(MAX_RETRY_MS)
    expect(steady(10, 2000).retryAfterMs(1, 60_000)).toBe(MAX_RETRY_MS)
    expect(steady(1, 2000).retryAfterMs(1e6, 2000)).toBe(MAX_RETRY_MS)
  })

  test('has a minimum', () => {
    expect(steady(1000, 2000).retryAfterMs(1, 2000)).toBe(MIN_RETRY_MS)
  })

  test('is in the error, as a field and in the message', () => {
    expect(overloaded('too much', 70)).toMatchObject({
      code: 'overloaded',
      retryAfterMs: 70,
      message: 'too much: try again in 70 ms',
    })
  })
})
