import { expect, test } from 'vitest'
import { plotSvg } from './plot.js'

const svg = plotSvg([
  {
    title: 'Memory & more',
    unit: 'MiB',
    x: { scale: 'linear', unit: 's' },
    lines: [
      {
        name: 's<1>',
        points: [
          { x: 0, y: 0 },
          { x: 100, y: 150 },
        ],
      },
    ],
  },
  {
    title: 'Nothing',
    unit: 'files',
    x: { scale: 'logarithmic', unit: 'keys' },
    lines: [{ name: 's1', points: [] }],
  },
])

test('every SVG element is closed, and text is escaped', () => {
  const open: string[] = []
  for (const [, close, name, end] of svg.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
    if (close === '/') expect(open.pop()).toBe(name)
    else if (end !== '/') open.push(name ?? '')
  }
  expect(open).toEqual([])
  expect(svg).toContain('Memory &amp; more, MiB')
  expect(svg).toContain('s&lt;1&gt;')
})

test('the scales have round bounds that contain all points', () => {
  const [, points] = /<polyline [^>]*points="([^"]+)"/.exec(svg) ?? []
  expect(points).toBe('70,190 880,70')
  expect(svg).toContain('>200</text>')
  expect(svg).toContain('>100 s</text>')
})
