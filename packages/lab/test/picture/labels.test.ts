import { describe, expect, test } from 'vitest'
import { Labels } from '../../src/picture/labels.js'

const LINE = { x1: 100, y1: 100, x2: 400, y2: 130 }
const share = ({ x }: { x: number }) => (x - LINE.x1) / (LINE.x2 - LINE.x1)

describe('the label of a line', () => {
  test('stands at the place that was asked for', () => {
    expect(share(new Labels(600).onLine(LINE, 'prepare', 0.3))).toBeCloseTo(0.3)
  })

  test('moves away from a label that is already there', () => {
    const labels = new Labels(600)
    const first = labels.onLine(LINE, 'prepare (1, s1)', 0.5)
    const second = labels.onLine({ ...LINE, y2: 135 }, 'prepare (1, s1)', 0.5)
    expect(first.x).not.toBe(second.x)
    expect(Math.abs(first.x - second.x)).toBeGreaterThan(40)
  })

  test('does not reach beyond the ends of the line, if it fits', () => {
    const at = new Labels(600).onLine(LINE, 'a label of thirty characters..', 0.99)
    expect(at.x + (30 * 5) / 2).toBeLessThan(LINE.x2)
    const short = new Labels(600).onLine({ ...LINE, x2: 110 }, 'a label of thirty characters..', 0.99)
    expect(short.x).toBe(105)
  })

  test('has a place on lines from right to left and straight down', () => {
    const back = { x1: LINE.x2, y1: LINE.y1, x2: LINE.x1, y2: LINE.y2 }
    expect(share(new Labels(600).onLine(back, 'promise', 0.3))).toBeCloseTo(0.7)
    expect(new Labels(600).onLine({ x1: 5, y1: 0, x2: 5, y2: 90 }, 'x', 0.5)).toEqual({ x: 5, y: 45 })
    expect(new Labels(600).onLine({ x1: 5, y1: 7, x2: 5, y2: 7 }, 'x', 0.5)).toEqual({ x: 5, y: 7 })
  })
})

describe('the label of a mark', () => {
  test('stands right of the mark, or left of it at the edge of the diagram', () => {
    const labels = new Labels(600)
    expect(labels.besideMark({ x: 400, y: 10 }, 'chosen in slot 2: b')).toBe('right')
    expect(labels.besideMark({ x: 560, y: 10 }, 'chosen in slot 2: b')).toBe('left')
    expect(labels.besideMark({ x: 60, y: 10 }, 'chosen in slot 2: b'.repeat(8))).toBe('right')
  })

  test('keeps labels of lines away', () => {
    const labels = new Labels(600)
    labels.besideMark({ x: 180, y: 110 }, 'chosen in slot 2: b')
    expect(share(labels.onLine({ ...LINE, y1: 118, y2: 118 }, 'prepare', 0.5))).not.toBeCloseTo(0.5)
  })
})
